"""The ``query`` form: autoscaling, sts, iam, sns, elb, elbv2 and cloudwatch. A form in, XML out.

Lists are ``Name.member.1``, maps ``Name.entry.1.key``; ``Name=`` is an empty one. Names a shape does not have are
passed over, as the real services do; what cannot be read is ``MalformedInput`` in the words of AWS's own framework.

Source: AWS General Reference, "Query API requests"; botocore's serializer and parser hold us to it in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel, ServiceModel, Shape

from gateway.limits import Limits
from gateway.protocol import form
from gateway.protocol.form import Branch
from gateway.protocol.reading import Naming, Readers, refusing
from gateway.protocol.scalars import Malformed, escaped, milliseconds_when_any
from gateway.protocol.wire import Answer, Asked, Read
from gateway.protocol.writing import Writers
from gateway.request import Request, Response
from translators.errors import AWSError

# What AWS's front door uses where it does not know for which service a request is.
UNKNOWN_NAMESPACE: Final = "http://webservices.amazon.com/AWSFault/2005-15-09"


def _member_name(member: Shape, name: str) -> str:
    return str(member.serialization.get("name", name))


_NAMING: Final = Naming(_member_name, wrapped=True, first_index=1, strict=False)


class QueryProtocol:
    """The query form of one service.

    Args:
        model: the service, or None for errors of requests that name none we know.
        strict: whether a member of an answer that the model does not have is a fault.
    """

    name = "query"

    def __init__(self, model: ServiceModel | None, *, strict: bool = True) -> None:
        self.service: str | None = model.metadata["apiVersion"] if model else None
        self._namespace: str = model.metadata["xmlNamespace"] if model else UNKNOWN_NAMESPACE
        self._readers = Readers(_NAMING)
        self._writers = Writers(milliseconds_when_any, strict=strict)

    def claims(self, request: Request) -> bool:
        return form.claims(request)

    def asked(self, request: Request, limits: Limits) -> Asked:
        return form.asked(request, limits)

    def reader(self, operation: OperationModel) -> Read:
        shape = operation.input_shape
        return _nothing if shape is None else refusing(self._readers.of(shape), _refusal)

    def answerer(self, operation: OperationModel) -> Answer:
        name, shape = operation.name, operation.output_shape
        opening = f'<{name}Response xmlns="{self._namespace}">'
        closing = f"</RequestId></ResponseMetadata></{name}Response>"
        if shape is None:
            whole = f"{opening}<ResponseMetadata><RequestId>"
            return lambda _result, request_id: _answered(f"{whole}{request_id}{closing}", request_id)
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
        write = self._writers.members(shape)
        opening += f"<{wrapper}>"
        middle = f"</{wrapper}><ResponseMetadata><RequestId>"

        def answer(result: Mapping[str, Any], request_id: str) -> Response:
            pieces = [opening]
            write(result, pieces.append)
            pieces += (middle, request_id, closing)
            return _answered("".join(pieces), request_id)

        return answer

    def refuse(self, error: AWSError, request_id: str) -> Response:
        text = (
            f'<ErrorResponse xmlns="{self._namespace}"><Error><Type>{error.fault}</Type>'
            f"<Code>{escaped(error.code)}</Code><Message>{escaped(error.message)}</Message></Error>"
            f"<RequestId>{escaped(request_id)}</RequestId></ErrorResponse>"
        )
        return _answered(text, request_id, error.status)


def _answered(text: str, request_id: str, status: int = 200) -> Response:
    return Response(status, text.encode(), {"Content-Type": "text/xml", "x-amzn-requestid": request_id})


def _refusal(found: Malformed) -> AWSError:
    return AWSError("MalformedInput", found.words)


def _nothing(_content: Branch) -> dict[str, Any]:
    return {}
