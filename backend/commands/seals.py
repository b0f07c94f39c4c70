"""Secrets in the database by hand: a new key, and every secret sealed anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backend.commands import CannotDo, PartlyDone
from backend.domain.delegation import DelegationsUnanswered, SecretUnreadable
from backend.drivers.errors import CloudUnavailable
from backend.errors import StoreUnavailable
from backend.store.secrets import Seal


def opened(keys: Sequence[str], path: Path, *, required: bool) -> Seal:
    """What seals secrets: these keys, or else those of the file; none where there are neither.

    Args:
        required: the file has to be there.

    Raises:
        CannotDo: the file cannot be read, or what is set is no key.
    """
    try:
        lines = path.read_text().split() if required or path.exists() else []
        return Seal(keys or lines)
    except OSError as error:
        raise CannotDo(f"the key file {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CannotDo("a key in [secrets] is none: coppice key makes one") from error


def reseal(*kept: Callable[[], int]) -> str:
    """Seal every secret with the first key, in each place where some are kept, one after another; what was done.

    Raises:
        PartlyDone: some are sealed anew, others could not be.
        CannotDo: none is.
    """
    number = 0
    reasons: dict[str, None] = {}
    for each in kept:
        try:
            number += each()
        except (SecretUnreadable, DelegationsUnanswered, CloudUnavailable, StoreUnavailable, OSError) as error:
            reasons[str(error)] = None
    if reasons and not number:
        raise CannotDo("; ".join(reasons))
    if reasons:
        raise PartlyDone(f"Sealed with the first key: {number}. Others are as they were: {'; '.join(reasons)}.")
    return f"Sealed with the first key: {number}."
