"""A request's body as it was before it was compressed, whatever form it has."""

from __future__ import annotations

import zlib
from typing import Final

from gateway.limits import Limits
from gateway.request import Request
from translators.errors import AWSError

# What a Content-Encoding may list that changes nothing: old clients of JSON services send amz-1.0.
_NOTHING: Final = frozenset({"", "identity", "amz-1.0"})
# The rest is copied for each: a body of many empty members would cost far more than it is long.
_MEMBERS: Final = 64


def content(request: Request, limits: Limits) -> bytes:
    """The body, unpacked where its Content-Encoding is gzip, as SDKs send large metrics.

    Raises:
        AWSError: ``UnsupportedMediaTypeException`` for another encoding, or gzip twice; ``MalformedQueryString`` for
            what is not gzip; ``RequestEntityTooLarge`` for what unpacks to too much.
    """
    listed = request.headers.get("content-encoding")
    if listed is None or not request.body:
        return request.body
    encodings = [name for part in listed.split(",") if (name := part.strip().lower()) not in _NOTHING]
    if not encodings:
        return request.body
    if encodings != ["gzip"]:
        raise AWSError("UnsupportedMediaTypeException", "The Content-Encoding must be gzip, or none.", 415)
    return inflated(request.body, limits)


def inflated(body: bytes, limits: Limits) -> bytes:
    """Gzip members one after the other, unpacked as far as a body may be long; see ``content``."""
    most, unpacked = limits.body_bytes, []
    for _ in range(_MEMBERS):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            unpacked.append(unpacker.decompress(body, most + 1))
        except zlib.error:
            raise _not_gzip() from None
        most -= len(unpacked[-1])
        if most < 0:
            message = f"The request body is longer than {limits.body_bytes} bytes."
            raise AWSError("RequestEntityTooLarge", message, 413)
        if not unpacker.eof:
            raise _not_gzip()  # cut off
        body = unpacker.unused_data
        if not body:
            return b"".join(unpacked)
    raise _not_gzip()


def _not_gzip() -> AWSError:
    return AWSError("MalformedQueryString", "The request body is not gzip, as its Content-Encoding says.")
