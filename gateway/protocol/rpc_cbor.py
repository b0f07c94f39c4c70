"""The ``smithy-rpc-v2-cbor`` form: service and operation in the path, CBOR in and out, errors by ``__type``.

Source: Smithy, "Smithy RPC v2 CBOR protocol"; botocore's serializer and parser hold us to it in the tests.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.model import OperationModel, ServiceModel, Shape

from gateway.limits import Limits
from gateway.protocol import body, cbor, typed
from gateway.protocol.error_types import ErrorTypes
from gateway.protocol.reading import refusing
from gateway.protocol.scalars import Malformed
from gateway.protocol.wire import Answer, Asked, Read
from gateway.request import Request, Response
from translators.errors import AWSError

if TYPE_CHECKING:
    from gateway.dialects import Dialect

_HEADER: Final = "smithy-protocol"
_VALUE: Final = "rpc-v2-cbor"
_MEDIA_TYPE: Final = "application/cbor"
_PATH: Final = "The path must end in /service/SERVICE/operation/OPERATION."


class CborProtocol:
    """The CBOR form of one service.

    Args:
        model: the service, or None for errors of requests that name none we know.
        dialect: for the names of errors.
        strict: whether a member of an answer that the model does not have is a fault.
    """

    name = "smithy-rpc-v2-cbor"

    def __init__(self, model: ServiceModel | None, dialect: Dialect, *, strict: bool = True) -> None:
        self.service: str | None = model.metadata["targetPrefix"] if model else None
        self._errors = ErrorTypes(model, dialect)
        self._readers = typed.TypedReaders(_reader)
        self._writers = typed.TypedWriters(_writer, strict=strict)

    def claims(self, request: Request) -> bool:
        return request.headers.get(_HEADER) == _VALUE

    def asked(self, request: Request, limits: Limits) -> Asked:
        if "x-amz-target" in request.headers:
            raise AWSError("InvalidAction", "A request of this protocol must not have the header X-Amz-Target.")
        typed.only_posted(request)
        # Whatever stands before it: proxies may serve us under a path of theirs.
        head, service, middle, operation = ["", "", "", "", *request.path.split("/")][-4:]
        if (head, middle) != ("service", "operation"):
            raise AWSError("InvalidAction", _PATH)
        if not service or not operation:
            raise AWSError("MissingAction", _PATH)
        kind = request.headers.get("content-type", _MEDIA_TYPE).partition(";")[0].strip().lower()
        if request.body and kind != _MEDIA_TYPE:
            raise AWSError("UnsupportedMediaTypeException", f"The Content-Type must be {_MEDIA_TYPE}.", 415)
        content = body.content(request, limits)
        try:
            value = cbor.decoded(content, limits) if content else {}
        except Malformed as found:
            raise _refusal(found) from None
        return Asked(operation, service.rpartition(".")[2], value)

    def reader(self, operation: OperationModel) -> Read:
        shape = operation.input_shape
        return typed.nothing if shape is None else refusing(self._readers.of(shape), _refusal)

    def answerer(self, operation: OperationModel) -> Answer:
        shape = operation.output_shape
        if shape is None:
            return lambda _result, request_id: Response(200, b"", {_HEADER: _VALUE, "x-amzn-requestid": request_id})
        write = self._writers.of(shape)
        return lambda result, request_id: Response(200, cbor.encoded(write(result)), _headers(request_id))

    def refuse(self, error: AWSError, request_id: str) -> Response:
        kind = self._errors.of(error)
        headers = {**_headers(request_id), **kind.headers()}
        return Response(kind.status, cbor.encoded(kind.document(error.message)), headers)


def _headers(request_id: str) -> dict[str, str]:
    return {_HEADER: _VALUE, "Content-Type": _MEDIA_TYPE, "x-amzn-requestid": request_id}


def _refusal(found: Malformed) -> AWSError:
    return AWSError("MalformedInput", found.words)


def _instant(value: Any) -> datetime:
    if not isinstance(value, cbor.Instant):
        raise typed.unfit(value, "a Timestamp")
    return typed.instant(value.seconds)


def _blob(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise typed.unfit(value, "a Blob")
    return value


_READERS: Final[dict[str, typed.Read]] = {
    "string": typed.text,
    "character": typed.text,
    "integer": typed.integer("an Integer", 32),
    "long": typed.integer("a Long", 64),
    "float": typed.number,
    "double": typed.number,
    "boolean": typed.boolean,
    "timestamp": _instant,
    "blob": _blob,
}
_WRITERS: Final[dict[str, typed.Write]] = {
    "string": str,
    "character": str,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": bool,
    "timestamp": lambda value: value,
    "blob": lambda value: value.encode() if isinstance(value, str) else bytes(value),
}


def _reader(shape: Shape) -> typed.Read:
    return _READERS[shape.type_name]


def _writer(shape: Shape) -> typed.Write:
    return _WRITERS[shape.type_name]
