"""AWS's errors as values, and the way from the engine's findings to AWS's code, words and status.

Each service has one table, finding -> error, in a module of its own; here they are registered and asked.

Words that have a row in conformance/recorded, stand in the design's list of observed texts or have a "Source:" beside
them are the real service's. Those marked ``# unsourced`` follow its manner, until somebody has seen better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from backend.domain.delegation import SecretUnreadable
from backend.errors import Finding, KeysUnreached, NewerWord, StoreUnavailable


class AWSError(Exception):
    """An error as an AWS client sees it.

    Args:
        code: AWS's error code (``ValidationError``).
        message: the words, as AWS says them.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    @property
    def fault(self) -> str:
        """``Sender`` for the caller's faults, ``Receiver`` for ours, as the error document names them."""
        return "Sender" if self.status < 500 else "Receiver"


Row = Callable[[Any], AWSError]
Table = Mapping[type[Exception], Row]

_tables: dict[str, Table] = {}


def _unavailable(_: Any) -> AWSError:
    """In the words of most services; one that has others names the finding in its table."""
    return AWSError("ServiceUnavailable", "The service is unavailable. Please try again later.", 503)  # unsourced


def register(service: str, table: Table) -> None:
    """Make a table the one that a service's findings are told by.

    Args:
        service: botocore's service name.
        table: finding type -> function of the finding; a type stands for its subtypes too.

    Raises:
        ValueError: the service has a table already.
    """
    if service in _tables:
        raise ValueError(f"{service} has its errors already")
    _tables[service] = table


def translate(exc: BaseException, service: str) -> AWSError | None:
    """What a service answers for what was raised.

    Returns:
        The error itself where it is AWS's already, the table's words for a finding, None for anything else: that is a
        fault of ours and the gateway's to tell.
    """
    if isinstance(exc, AWSError):
        return exc
    if not isinstance(exc, (Finding, SecretUnreadable)):
        return None
    own = _tables.get(service, {})
    unavailable = own.get(StoreUnavailable, _unavailable)
    away: tuple[type[Exception], ...] = (StoreUnavailable, KeysUnreached, SecretUnreadable, NewerWord)
    table: Table = {**dict.fromkeys(away, unavailable), **own}
    for kind in type(exc).__mro__:
        if row := table.get(kind):
            return row(exc)
    return None
