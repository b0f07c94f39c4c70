"""AWS access keys as they look: ids, secrets and tokens that nobody has. Draws chance from the system alone."""

from __future__ import annotations

import re
import secrets
import string
from typing import Final

LASTING: Final = "AKIA"
TEMPORARY: Final = "ASIA"

_ALPHABET: Final = string.ascii_uppercase + "234567"
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits + "+/"
_TEMPORARY: Final = re.compile(rf"{TEMPORARY}[A-Z2-7]{{16}}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


def new_id(prefix: str) -> str:
    """An access key id: AKIA or ASIA and 16 characters."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def is_temporary(text: str) -> bool:
    """Whether the text can be the id of a key that ends by itself."""
    return _TEMPORARY.fullmatch(text) is not None


def new_secret() -> str:
    """A secret access key: 40 characters."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))


def new_token() -> str:
    """A session token. It means nothing: what it belongs to is kept."""
    return "IQoJb3JpZ2lu" + secrets.token_urlsafe(180)


def is_account_id(text: str) -> bool:
    """Whether the text is the number of an AWS account: 12 digits."""
    return _ACCOUNT.fullmatch(text) is not None
