"""Error documents for what never becomes a service's request: broken HTTP, foreign methods, faults of the framework."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Final

from gateway.protocol.query import QueryProtocol
from translators.errors import AWSError

_FORM: Final = QueryProtocol(None)
_CODES: Final = {
    404: "InvalidAction",
    405: "UnsupportedHttpVerb",
    408: "RequestTimeout",
    413: "RequestEntityTooLarge",
    503: "ServiceUnavailable",
}


def plain_error(status: int, message: str, request_id: str | None = None) -> tuple[str, bytes]:
    """A status line (``400 Bad Request``) and the AWS document for it."""
    code = _CODES.get(status, "InternalFailure" if status >= 500 else "MalformedQueryString")
    refused = _FORM.refuse(AWSError(code, message, status), request_id or str(uuid.uuid4()))
    return f"{status} {HTTPStatus(status).phrase}", refused.body
