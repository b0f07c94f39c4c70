"""The ``ec2`` form: lists are ``Name.1``, names have a capital first letter, and errors a document of their own.

EC2 checks more of its parameters by itself than the query services do: a parameter it does not know is
``UnknownParameter``, one that is absent ``MissingParameter``, one it cannot use ``InvalidParameterValue``.

Source: Amazon EC2 API Reference, "Query requests" and "Error codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel, ServiceModel, Shape

from gateway.limits import Limits
from gateway.protocol import form
from gateway.protocol.form import Branch, shown
from gateway.protocol.reading import Naming, Readers, Unknown, refusing
from gateway.protocol.scalars import Malformed, escaped, milliseconds_always
from gateway.protocol.wire import Answer, Asked, Read
from gateway.protocol.writing import Writers
from gateway.request import Request, Response
from translators.errors import AWSError


def member_name(member: Shape, name: str) -> str:
    """The name of a member in a request."""
    serialization = member.serialization
    if "queryName" in serialization:
        return str(serialization["queryName"])
    wire: str = serialization.get("name", name)
    return wire[0].upper() + wire[1:]


_NAMING: Final = Naming(member_name, wrapped=False, first_index=0, strict=True)


class EC2Protocol:
    """The ec2 form.

    Args:
        model: the service.
        strict: whether a member of an answer that the model does not have is a fault.
    """

    name = "ec2"

    def __init__(self, model: ServiceModel, *, strict: bool = True) -> None:
        self.service: str | None = model.metadata["apiVersion"]
        # The real service ends its namespace with a slash, the model does not.
        self._namespace: str = model.metadata["xmlNamespace"].rstrip("/") + "/"
        self._readers = Readers(_NAMING)
        self._writers = Writers(milliseconds_always, element="item", strict=strict)

    def claims(self, request: Request) -> bool:
        return form.claims(request)

    def asked(self, request: Request, limits: Limits) -> Asked:
        return form.asked(request, limits)

    def reader(self, operation: OperationModel) -> Read:
        shape = operation.input_shape
        return _nothing if shape is None else refusing(self._readers.of(shape), _refusal)

    def answerer(self, operation: OperationModel) -> Answer:
        name, shape = operation.name, operation.output_shape
        opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}Response xmlns="{self._namespace}"><requestId>'
        closing = f"</{name}Response>"
        if shape is None:
            # Operations without output answer that they succeeded.
            closing = f"</requestId><return>true</return>{closing}"
            return lambda _result, request_id: _answered(f"{opening}{request_id}{closing}", request_id)
        write = self._writers.members(shape)

        def answer(result: Mapping[str, Any], request_id: str) -> Response:
            pieces = [opening, request_id, "</requestId>"]
            write(result, pieces.append)
            pieces.append(closing)
            return _answered("".join(pieces), request_id)

        return answer

    def refuse(self, error: AWSError, request_id: str) -> Response:
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Response><Errors><Error><Code>{escaped(error.code)}</Code>"
            f"<Message>{escaped(error.message)}</Message></Error></Errors>"
            f"<RequestID>{escaped(request_id)}</RequestID></Response>"
        )
        return _answered(text, request_id, error.status)


def _answered(text: str, request_id: str, status: int = 200) -> Response:
    return Response(status, text.encode(), {"Content-Type": "text/xml;charset=UTF-8", "x-amzn-requestid": request_id})


def _refusal(found: Malformed) -> AWSError:
    name = shown(".".join(reversed(found.trail)))
    if isinstance(found, Unknown):
        return AWSError("UnknownParameter", f"The parameter {name} is not recognized")
    if found.value is None:
        return AWSError("InvalidParameterValue", f"The parameter {name} is not of the expected form. {found.words}.")
    words = f"Value ({shown(found.value)}) for parameter {name} is invalid. {found.words}."
    return AWSError("InvalidParameterValue", words)


def _nothing(content: Branch) -> dict[str, Any]:
    for name in content:
        raise AWSError("UnknownParameter", f"The parameter {shown(name or '')} is not recognized")
    return {}
