"""The ``query`` form: autoscaling, sts, iam, sns, elb, elbv2 and cloudwatch. A form in, XML out.

Lists are ``Name.member.1``, maps ``Name.entry.1.key``; ``Name=`` is an empty one. Names a shape does not have are
passed over, as the real services do; what cannot be read is ``MalformedInput`` in the words of AWS's own framework.

Source: AWS General Reference, "Query API requests"; botocore's serializer and parser hold us to it in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel, ServiceModel, Shape

from gateway.auth.refusals import Refusal
from gateway.protocol.form import Branch, shown
from gateway.protocol.reading import Dialect, Readers, refusing
from gateway.protocol.scalars import Malformed, escaped, milliseconds_when_any
from gateway.protocol.wire import Parse, Serialize
from gateway.protocol.writing import Writers
from gateway.validation import Failure, sentence
from translators.errors import AWSError

# What AWS's front door uses where it does not know for which service a request is.
UNKNOWN_NAMESPACE: Final = "http://webservices.amazon.com/AWSFault/2005-15-09"


def _member_name(member: Shape, name: str) -> str:
    return str(member.serialization.get("name", name))


_DIALECT: Final = Dialect(_member_name, wrapped=True, first_index=1, strict=False)


class QueryWire:
    """The query form of one service.

    Args:
        model: the service, or None for errors of requests that name none we know.
        strict: whether a member of an answer that the model does not have is a fault.
    """

    content_type = "text/xml"

    def __init__(self, model: ServiceModel | None, *, strict: bool = True) -> None:
        self._namespace: str = model.metadata["xmlNamespace"] if model else UNKNOWN_NAMESPACE
        self._readers = Readers(_DIALECT)
        self._writers = Writers(milliseconds_when_any, strict=strict)

    def parser(self, operation: OperationModel) -> Parse:
        shape = operation.input_shape
        return _nothing if shape is None else refusing(self._readers.of(shape), _refusal)

    def serializer(self, operation: OperationModel) -> Serialize:
        name, shape = operation.name, operation.output_shape
        opening = f'<{name}Response xmlns="{self._namespace}">'
        closing = f"</RequestId></ResponseMetadata></{name}Response>"
        if shape is None:
            whole = f"{opening}<ResponseMetadata><RequestId>"
            return lambda _result, request_id: f"{whole}{request_id}{closing}".encode()
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
        write = self._writers.members(shape)
        opening += f"<{wrapper}>"
        middle = f"</{wrapper}><ResponseMetadata><RequestId>"

        def serialize(result: Mapping[str, Any], request_id: str) -> bytes:
            pieces = [opening]
            write(result, pieces.append)
            pieces += (middle, request_id, closing)
            return "".join(pieces).encode()

        return serialize

    def error(self, error: AWSError, request_id: str) -> bytes:
        return (
            f'<ErrorResponse xmlns="{self._namespace}"><Error><Type>{error.fault}</Type>'
            f"<Code>{escaped(error.code)}</Code><Message>{escaped(error.message)}</Message></Error>"
            f"<RequestId>{escaped(request_id)}</RequestId></ErrorResponse>"
        ).encode()

    def invalid(self, failures: list[Failure]) -> AWSError:
        return AWSError("ValidationError", sentence(failures))

    def refused(self, refusal: Refusal) -> AWSError:
        return refusal

    def unknown_action(self, action: str, version: str) -> AWSError:
        return AWSError("InvalidAction", f"Could not find operation {shown(action)} for version {shown(version)}")

    def unanswered(self, service: str, action: str) -> AWSError:
        return AWSError("InvalidAction", f"The action {action} is not supported by Coppice for the service {service}.")


def _refusal(found: Malformed) -> AWSError:
    return AWSError("MalformedInput", found.words)


def _nothing(_form: Branch) -> dict[str, Any]:
    return {}
