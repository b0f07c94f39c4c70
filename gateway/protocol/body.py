"""A request's body as it was before it was compressed, whatever form it has."""

from __future__ import annotations

import zlib

from gateway.limits import Limits
from gateway.request import Request
from translators.errors import AWSError


def content(request: Request, limits: Limits) -> bytes:
    """The body, unpacked where its Content-Encoding ends in gzip, as SDKs send large metrics.

    Raises:
        AWSError: ``MalformedQueryString`` for what is not gzip, ``RequestEntityTooLarge`` for what unpacks to too much.
    """
    encoding = request.headers.get("content-encoding")
    if encoding is None or encoding.rpartition(",")[2].strip().lower() != "gzip" or not request.body:
        return request.body
    return inflated(request.body, limits)


def inflated(body: bytes, limits: Limits) -> bytes:
    """One whole gzip member, unpacked as far as a body may be long; see ``content``."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(body, limits.body_bytes + 1)
    except zlib.error:
        raise _not_gzip() from None
    if len(unpacked) > limits.body_bytes:
        raise AWSError("RequestEntityTooLarge", f"The request body is longer than {limits.body_bytes} bytes.", 413)
    if not unpacker.eof or unpacker.unused_data:
        raise _not_gzip()  # cut off, or with something behind it
    return unpacked


def _not_gzip() -> AWSError:
    return AWSError("MalformedQueryString", "The request body is not gzip, as its Content-Encoding says.")
