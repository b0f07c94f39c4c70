"""The keys of secrets as processes hold them, and every secret sealed anew by hand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from oslo_config import cfg

from backend.commands import CannotDo, PartlyDone
from backend.domain.delegation import DelegationsUnanswered, SecretUnreadable
from backend.drivers.errors import CloudUnavailable
from backend.errors import KeysUnreached, StoreUnavailable
from backend.secret_options import LOCAL, SecretSettings
from backend.store.sealed import SomeUnreadable
from backend.store.secrets import Seal

LOG = logging.getLogger(__name__)
_AWAITED_SECONDS = 2.0
"""Between looks for keys that are not here yet."""
_LEAVES = (SecretUnreadable, DelegationsUnanswered, CloudUnavailable, StoreUnavailable, KeysUnreached, OSError)
"""What leaves some secrets as they were."""
KeysOf = Callable[[str, Sequence[str]], Sequence[str]]
"""Keys that a manager of a kind keeps, by their references. Raises KeysUnreached."""


def opened(
    chosen: SecretSettings,
    path: Path,
    kept: KeysOf,
    present: Callable[[], tuple[SecretSettings, Path]],
    left: Sequence[str] = (),
) -> Seal:
    """What seals secrets: the settings' keys or those of the file, and those that a manager keeps.

    Keys that are here are read now, those that a manager keeps when they are needed or looked for.

    Args:
        path: of the key file, which need not be there unless the settings name it.
        present: settings and file as they are now, whenever keys are looked for again: they may name another manager.
        left: keys that a process of the same kind had before this one, good until a manager is asked.

    Raises:
        CannotDo: the file cannot be read, what is set is no key, or no key of the manager's is named.
    """

    def again() -> Sequence[str]:
        try:
            now, file = present()
            local = _local(now, file)
            _check(now, local)
            return _keys(now, local, kept)
        except CannotDo as why:
            raise KeysUnreached(str(why)) from why
        except OSError as error:
            raise KeysUnreached(f"the key file cannot be read ({error.strerror})") from error
        except (cfg.Error, cfg.ConfigSourceValueError) as error:
            raise KeysUnreached(f"the settings cannot be read: {error}") from error

    try:
        local = _local(chosen, path)
        Seal(local)
    except OSError as error:
        raise CannotDo(f"the key file {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CannotDo("a key in [secrets] is none: coppice key makes one") from error
    _check(chosen, local)
    return Seal(local, again) if chosen.manager == LOCAL else Seal(left, again, lazily=not left)


def _check(chosen: SecretSettings, local: Sequence[str]) -> None:
    """Raise CannotDo where settings name no key that they need."""
    if chosen.manager == LOCAL:
        if chosen.seals_launch_data and not local:
            raise CannotDo("[secrets] launch_data is sealed, and no key is set there: coppice key makes one")
    elif not set(chosen.references) - {LOCAL}:
        told = f"[secrets] manager is {chosen.manager}, and references names no key there"
        raise CannotDo(f"{told}: coppice key --store makes one")


def _local(chosen: SecretSettings, path: Path) -> list[str]:
    """Raises OSError."""
    return list(chosen.keys) or (path.read_text().split() if chosen.key_file or path.exists() else [])


def _keys(chosen: SecretSettings, local: Sequence[str], kept: KeysOf) -> Sequence[str]:
    """All keys in their order. Raises KeysUnreached."""
    if chosen.manager == LOCAL:
        return local
    references = chosen.references if LOCAL in chosen.references else (*chosen.references, LOCAL)
    named = [each for each in references if each != LOCAL]
    held = dict(zip(named, kept(chosen.manager, named), strict=True))
    keys = [key for each in references for key in (local if each == LOCAL else [held[each]])]
    return list(dict.fromkeys(keys))


class Keeper:
    """Looks for other keys now and then, in a thread of its own: what asks a manager waits for nobody's request.

    Args:
        pause: seconds between two looks.
        patience: seconds that who needs another key waits for it.
        leave: called with the keys after each look that ended well.
    """

    def __init__(
        self, seal: Seal, pause: float, patience: float, leave: Callable[[Sequence[str]], object] = tuple
    ) -> None:
        self._seal, self._pause, self._patience, self._leave = seal, pause, patience, leave
        self._wanted = threading.Event()
        self._told = ""

    def start(self) -> None:
        """Look now, and from now on."""
        self._seal.tended(self.soon, self._patience)
        threading.Thread(target=self._keep, name="keys", daemon=True).start()

    def soon(self) -> None:
        """Look at once; may be called by a handler of a signal."""
        self._wanted.set()

    def look(self) -> None:
        """Look once; what cannot be asked is told once as long as that lasts, and the keys that are held stay."""
        before = frozenset(() if self._seal.awaits else self._seal.keys)
        try:
            changed = self._seal.look()
        except KeysUnreached as error:
            if str(error) != self._told:
                stays = "what they seal waits for them" if self._seal.awaits else "those that are held stay in use"
                LOG.error("keys of secrets cannot be read, %s: %s", stays, error)  # noqa: TRY400 - the words say it
            self._told = str(error)
            return
        self._leave(self._seal.keys)
        if changed or self._told:
            LOG.info("keys of secrets were read: %d", len(self._seal.keys))
        if before and before.isdisjoint(self._seal.keys):
            LOG.error("none of the keys of secrets is one of those before: the older ones open until this process ends")
        self._told = ""

    def _keep(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # one that ends would have everybody wait for keys that nobody looks for
                LOG.exception("a look for the keys of secrets failed")
            self._wanted.wait(min(self._pause, _AWAITED_SECONDS) if self._seal.awaits else self._pause)
            self._wanted.clear()


def not_ready(seal: Seal) -> str | None:
    """Why secrets cannot be read yet; None where they can, or there are no keys."""
    return f"the keys of [secrets] are not here yet: {seal.awaits}" if seal.awaits else None


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
        except _LEAVES as error:
            number += error.number if isinstance(error, SomeUnreadable) else 0
            reasons[str(error)] = None
    if reasons and not number:
        raise CannotDo("; ".join(reasons))
    if reasons:
        raise PartlyDone(f"Sealed with the first key: {number}. Others are as they were: {'; '.join(reasons)}.")
    return f"Sealed with the first key: {number}."
