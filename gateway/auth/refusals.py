"""Why a request is not authenticated, in the words of the service that refuses it.

EC2 has codes of its own (``AuthFailure``, ``RequestExpired``); every other service of the query form shares one set.

Source: "Common Errors" of the query services' API references; "Error codes" of the Amazon EC2 API Reference.
"""

from __future__ import annotations

from typing import Final

from translators.errors import AWSError

_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_AUTH_FAILURE: Final = ("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
_EXPIRED: Final = ("RequestExpired", "Request has expired.", 400)


class Refusal(AWSError):
    """A request that nobody is known to have signed.

    Attributes:
        ec2: the same refusal as EC2 says it.
    """

    def __init__(self, code: str, message: str, status: int, ec2: tuple[str, str, int] | None = None) -> None:
        super().__init__(code, message, status)
        self.ec2 = AWSError(*ec2) if ec2 else self

    @classmethod
    def missing_token(cls) -> Refusal:
        return cls("MissingAuthenticationToken", "Request is missing Authentication Token", 403)

    @classmethod
    def incomplete(cls, message: str) -> Refusal:
        return cls("IncompleteSignature", message, 400)

    @classmethod
    def unknown_key(cls) -> Refusal:
        message = "The security token included in the request is invalid."
        return cls("InvalidClientTokenId", message, 403, _AUTH_FAILURE)

    @classmethod
    def mismatch(cls) -> Refusal:
        return cls("SignatureDoesNotMatch", _MISMATCH, 403)

    @classmethod
    def unsound(cls, message: str) -> Refusal:
        return cls("SignatureDoesNotMatch", message, 403, _AUTH_FAILURE)

    @classmethod
    def early(cls, message: str) -> Refusal:
        return cls("SignatureDoesNotMatch", message, 403, _AUTH_FAILURE)

    @classmethod
    def late(cls, message: str) -> Refusal:
        return cls("SignatureDoesNotMatch", message, 403, _EXPIRED)

    @classmethod
    def expired_token(cls) -> Refusal:
        return cls("ExpiredToken", "The security token included in the request is expired", 403, _EXPIRED)

    @classmethod
    def expired(cls) -> Refusal:
        return cls(*_EXPIRED)
