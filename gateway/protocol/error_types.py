"""What an error is called in JSON and CBOR: by its shape, where the query form has a code.

Handlers and dialects name an error by its code of the query form, or by its shape where the service has none.

Source: "AWS JSON 1.0/1.1 protocol" and "awsQueryCompatible" of Smithy; "Common Errors" of JSON services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from botocore.model import ServiceModel, Shape

from translators.errors import AWSError

if TYPE_CHECKING:
    from gateway.dialects import Dialect

# What the front door of every service refuses: code of the query form -> shape.
_COMMON: Final[Mapping[str, str]] = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InternalError": "InternalFailure",
    "InternalFailure": "InternalFailure",
    "InvalidAction": "UnknownOperationException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MalformedInput": "SerializationException",
    "MalformedQueryString": "SerializationException",
    "MissingAction": "UnknownOperationException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "RequestEntityTooLarge": "RequestEntityTooLargeException",
    "RequestExpired": "InvalidSignatureException",
    "ServiceUnavailable": "ServiceUnavailableException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "ThrottlingException",
    "UnsupportedHttpVerb": "UnknownOperationException",
    "ValidationError": "ValidationException",
}
_FRAMEWORK: Final = "com.amazon.coral.service#"
_VALIDATION: Final = "com.amazon.coral.validate#"


@dataclass(frozen=True, slots=True)
class ErrorType:
    """One error as JSON and CBOR tell it.

    Attributes:
        name: of its shape.
        full: the name with its namespace, where the service sends that.
        status: of HTTP.
        message: the member that has the words.
        query: what clients of the query form know it by (``ValidationError;Sender``); None for other services.
    """

    name: str
    full: str
    status: int
    message: str
    query: str | None

    def document(self, words: str) -> dict[str, str]:
        """What the body of a refusal tells, in either form."""
        return {"__type": self.full, self.message: words} if words else {"__type": self.full}

    def headers(self) -> dict[str, str]:
        """What else clients of the query form look for."""
        return {} if self.query is None else {"x-amzn-query-error": self.query}


class ErrorTypes:
    """The names of one service's errors.

    Args:
        model: the service; None for errors of requests that name none we know.
        dialect: for what the model does not tell.
    """

    def __init__(self, model: ServiceModel | None, dialect: Dialect) -> None:
        self._namespace = dialect.namespace
        self._compatible = model is not None and "awsQueryCompatible" in model.metadata
        self._names = dialect.names
        self._shapes: dict[str, tuple[Shape, str]] = {}
        for shape in model.error_shapes if model else ():
            self._shapes[shape.name] = (shape, dialect.query_codes.get(shape.name, shape.error_code))
        for shape, code in list(self._shapes.values()):
            self._shapes.setdefault(code, (shape, code))  # a code that is also a shape's name means that shape

    def of(self, error: AWSError) -> ErrorType:
        """How an error is told."""
        code, common = error.code, _COMMON.get(error.code)
        if common is not None:
            # Though the service's model may have a shape of that name: it is not the service that refuses.
            name, full, message = common, self._common(common), "message"
        elif code in self._shapes:
            shape, code = self._shapes[code]
            name, full, message = shape.name, self._namespace + shape.name, _message(shape)
        elif code in self._names:
            name = self._names[code]
            full, message = _FRAMEWORK + name, "message"
        else:
            name, full, message = code, code, "message"
        return ErrorType(
            name, full, self._status(error), message, f"{code};{error.fault}" if self._compatible else None
        )

    def _common(self, name: str) -> str:
        if not self._namespace:
            return name
        return (_VALIDATION if name == "ValidationException" else _FRAMEWORK) + name

    def _status(self, error: AWSError) -> int:
        # Services that never had the query form have one status for all that clients do wrong.
        keeps = self._compatible or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if keeps or error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return error.status
        return HTTPStatus.BAD_REQUEST.value


def _message(shape: Shape) -> str:
    return next((name for name in shape.members if name.lower() == "message"), "message")
