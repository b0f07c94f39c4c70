"""The ``json`` form, 1.0 and 1.1: the operation in a header, JSON in and out, errors by ``__type``.

Source: Smithy, "AWS JSON 1.0/1.1 protocol"; botocore's serializer and parser hold us to it in the tests.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from botocore.model import OperationModel, ServiceModel, Shape

from gateway.limits import Limits
from gateway.protocol import body, scalars, typed
from gateway.protocol.error_types import ErrorTypes
from gateway.protocol.reading import refusing
from gateway.protocol.scalars import Malformed
from gateway.protocol.wire import Answer, Asked, Read
from gateway.request import Request, Response
from translators.errors import AWSError

if TYPE_CHECKING:
    from gateway.dialects import Dialect

_MEDIA_TYPE: Final = "application/x-amz-json-"
_SPECIAL: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class JsonProtocol:
    """The JSON form of one service.

    Args:
        model: the service, or None for errors of requests that name none we know.
        dialect: for the names of errors.
        strict: whether a member of an answer that the model does not have is a fault.
    """

    name = "json"

    def __init__(self, model: ServiceModel | None, dialect: Dialect, *, strict: bool = True) -> None:
        self.service: str | None = model.metadata["targetPrefix"] if model else None
        self._content_type = _MEDIA_TYPE + (model.metadata["jsonVersion"] if model else "1.1")
        self._errors = ErrorTypes(model, dialect)
        self._readers = typed.TypedReaders(_reader)
        self._writers = typed.TypedWriters(_writer, strict=strict)

    def claims(self, request: Request) -> bool:
        return "x-amz-target" in request.headers or request.headers.get("content-type", "").startswith(_MEDIA_TYPE)

    def asked(self, request: Request, limits: Limits) -> Asked:
        service, _, operation = request.headers.get("x-amz-target", "").rpartition(".")
        if not service or not operation:
            raise AWSError("MissingAction", "The request must name its operation in the header X-Amz-Target.")
        typed.only_posted(request)
        try:
            return Asked(operation, service, decoded(body.content(request, limits), limits))
        except Malformed as found:
            raise _refusal(found) from None

    def reader(self, operation: OperationModel) -> Read:
        shape = operation.input_shape
        return typed.nothing if shape is None else refusing(self._readers.of(shape), _refusal)

    def answerer(self, operation: OperationModel) -> Answer:
        shape = operation.output_shape
        if shape is None:
            return lambda _result, request_id: self._answered(b"", request_id)
        write = self._writers.of(shape)
        return lambda result, request_id: self._answered(_encoded(write(result)), request_id)

    def refuse(self, error: AWSError, request_id: str) -> Response:
        kind = self._errors.of(error)
        headers = {"x-amzn-errortype": kind.name, **kind.headers()}
        return self._answered(_encoded(kind.document(error.message)), request_id, kind.status, headers)

    def _answered(
        self, content: bytes, request_id: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        own = {"Content-Type": self._content_type, "x-amzn-requestid": request_id}
        return Response(status, content, {**own, **headers} if headers else own)


def decoded(raw: bytes, limits: Limits) -> Any:
    """The value that the bytes are, an empty object where there are none.

    Raises:
        Malformed: what is not JSON in UTF-8, gives a name twice, is too deep or has too many parts.
    """
    if not raw:
        return {}
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise Malformed("The request body is not valid JSON") from None  # unsourced
    _hold(value, raw, limits)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")


def _hold(value: Any, raw: bytes, limits: Limits) -> None:
    """Refuse a value that is too deep or has too many parts; looked at only where the text would allow it."""
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= limits.depth and opened + raw.count(b",") < limits.values:
        return
    level, depth, count = [value], 0, 1
    while level:
        inner = [node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list)]
        level = [child for children in inner for child in children]
        depth += bool(inner)
        count += len(level)
        if depth > limits.depth or count > limits.values:
            raise Malformed("The request body is nested too deeply or has too many parts")  # unsourced


def _refusal(found: Malformed) -> AWSError:
    return AWSError("MalformedInput", found.words)


def _number(value: Any) -> float:
    if value.__class__ is str and value in _SPECIAL:
        return _SPECIAL[value]
    read = typed.number(value)
    if not typed.finite(read):  # as 1e999 is
        raise typed.unfit(value, "a Double")
    return read


def _blob(value: Any) -> bytes:
    try:
        return base64.b64decode(typed.text(value), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("The value is not base64 encoded") from None  # unsourced


def _seconds(value: Any) -> datetime:
    if value.__class__ not in (int, float):
        raise typed.unfit(value, "a Timestamp")
    return typed.instant(value)


def _iso(value: Any) -> datetime:
    return scalars.instant(typed.text(value))


def _http_date(value: Any) -> datetime:
    return scalars.http_date(typed.text(value))


_READERS: Final[dict[str, typed.Read]] = {
    "string": typed.text,
    "character": typed.text,
    "integer": typed.integer("an Integer", 32),
    "long": typed.integer("a Long", 64),
    "float": _number,
    "double": _number,
    "boolean": typed.boolean,
    "timestamp": _seconds,
    "blob": _blob,
}
_INSTANT_READERS: Final[dict[str, typed.Read]] = {"iso8601": _iso, "rfc822": _http_date}


def _reader(shape: Shape) -> typed.Read:
    # A format that a member names has become part of its shape.
    named = shape.serialization.get("timestampFormat", "")
    return _INSTANT_READERS.get(named) or _READERS[shape.type_name]


def _written_number(value: Any) -> float | str:
    number = float(value)
    return number if typed.finite(number) else scalars.written_number(number)


_WRITERS: Final[dict[str, typed.Write]] = {
    "string": str,
    "character": str,
    "integer": int,
    "long": int,
    "float": _written_number,
    "double": _written_number,
    "boolean": bool,
    "timestamp": scalars.epoch_seconds,
    "blob": scalars.written_blob,
}
_INSTANT_WRITERS: Final[dict[str, typed.Write]] = {
    "iso8601": scalars.milliseconds_when_any,
    "rfc822": scalars.written_http_date,
}


def _writer(shape: Shape) -> typed.Write:
    named = shape.serialization.get("timestampFormat", "")
    return _INSTANT_WRITERS.get(named) or _WRITERS[shape.type_name]


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
