"""The ``ec2`` form: lists are ``Name.1``, names have a capital first letter, and errors a document of their own.

EC2 checks more of its parameters by itself than the query services do: a parameter it does not know is
``UnknownParameter``, one that is absent ``MissingParameter``, one it cannot use ``InvalidParameterValue``.

Source: Amazon EC2 API Reference, "Query requests" and "Error codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel, ServiceModel, Shape

from gateway.auth.refusals import Refusal
from gateway.protocol.form import Branch, shown
from gateway.protocol.reading import Dialect, Readers, Unknown, refusing
from gateway.protocol.scalars import Malformed, escaped, milliseconds_always
from gateway.protocol.wire import Parse, Serialize
from gateway.protocol.writing import Writers
from gateway.validation import Failure
from translators.errors import AWSError


def member_name(member: Shape, name: str) -> str:
    """The name of a member in a request."""
    serialization = member.serialization
    if "queryName" in serialization:
        return str(serialization["queryName"])
    wire: str = serialization.get("name", name)
    return wire[0].upper() + wire[1:]


# EC2 names some lists that are missing by a name of its own that no model tells. Source: conformance/recorded.
_SETS: Final = {"ResourceId": "resourceIdSet"}

_DIALECT: Final = Dialect(member_name, wrapped=False, first_index=0, strict=True)


class EC2Wire:
    """The ec2 form.

    Args:
        model: the service.
        strict: whether a member of an answer that the model does not have is a fault.
    """

    content_type = "text/xml;charset=UTF-8"

    def __init__(self, model: ServiceModel, *, strict: bool = True) -> None:
        # The real service ends its namespace with a slash, the model does not.
        self._namespace: str = model.metadata["xmlNamespace"].rstrip("/") + "/"
        self._readers = Readers(_DIALECT)
        self._writers = Writers(milliseconds_always, element="item", strict=strict)

    def parser(self, operation: OperationModel) -> Parse:
        shape = operation.input_shape
        return _nothing if shape is None else refusing(self._readers.of(shape), _refusal)

    def serializer(self, operation: OperationModel) -> Serialize:
        name, shape = operation.name, operation.output_shape
        opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}Response xmlns="{self._namespace}"><requestId>'
        closing = f"</{name}Response>"
        if shape is None:
            # Operations without output answer that they succeeded.
            closing = f"</requestId><return>true</return>{closing}"
            return lambda _result, request_id: f"{opening}{request_id}{closing}".encode()
        write = self._writers.members(shape)

        def serialize(result: Mapping[str, Any], request_id: str) -> bytes:
            pieces = [opening, request_id, "</requestId>"]
            write(result, pieces.append)
            pieces.append(closing)
            return "".join(pieces).encode()

        return serialize

    def error(self, error: AWSError, request_id: str) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Response><Errors><Error><Code>{escaped(error.code)}</Code>"
            f"<Message>{escaped(error.message)}</Message></Error></Errors>"
            f"<RequestID>{escaped(request_id)}</RequestID></Response>"
        ).encode()

    def invalid(self, failures: list[Failure]) -> AWSError:
        missing = next((failure for failure in failures if failure.is_missing), None)
        if missing is not None:
            named = _SETS.get(missing.path, missing.path)
            return AWSError("MissingParameter", f"The request must contain the parameter {named}")
        failure = failures[0]
        name = next(part for part in reversed(failure.path.split(".")) if not part.isdigit())
        parameter = name[0].lower() + name[1:]
        return AWSError(
            "InvalidParameterValue",
            f"Value ({failure.shown}) for parameter {parameter} is invalid. {failure.expectation}.",
        )

    def refused(self, refusal: Refusal) -> AWSError:
        return refusal.ec2

    def unknown_action(self, action: str, version: str) -> AWSError:
        return AWSError("InvalidAction", f"The action {shown(action)} is not valid for this web service.")

    def unanswered(self, service: str, action: str) -> AWSError:
        return AWSError("UnsupportedOperation", f"The action {action} is not supported by Coppice.")


def _refusal(found: Malformed) -> AWSError:
    name = shown(".".join(reversed(found.trail)))
    if isinstance(found, Unknown):
        return AWSError("UnknownParameter", f"The parameter {name} is not recognized")
    if found.value is None:
        return AWSError("InvalidParameterValue", f"The parameter {name} is not of the expected form. {found.words}.")
    words = f"Value ({shown(found.value)}) for parameter {name} is invalid. {found.words}."
    return AWSError("InvalidParameterValue", words)


def _nothing(form: Branch) -> dict[str, Any]:
    for name in form:
        raise AWSError("UnknownParameter", f"The parameter {shown(name or '')} is not recognized")
    return {}
