"""How a gateway outlives settings that cannot be used: nobody who answers goes for somebody who could not begin.

gunicorn stops altogether where a worker cannot begin, which is right at the start: whoever starts it reads why. Later
on a slip in a file would end every gateway that is told of it, or that loses a worker meanwhile.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Final, NoReturn

from gunicorn.arbiter import Arbiter

from gateway.local import CannotStart

_LOG: Final = logging.getLogger(__name__)
_TRIAL_SECONDS: Final = 60
_PAUSE_SECONDS: Final = 1.0
_TRY_AGAIN: Final = 1
"""Status of a worker that the master is to replace, and not to stop for."""


class Begun:
    """Whether a worker has ever begun, in memory that processes share which are forked after it was made."""

    def __init__(self) -> None:
        self._room: mmap.mmap | None = None

    def __bool__(self) -> bool:
        return self._room is not None and self._room[0] == 1

    def make_room(self) -> None:
        self._room = mmap.mmap(-1, 1)

    def note(self) -> None:
        if self._room is not None:
            self._room[0] = 1


BEGUN: Final = Begun()
"""That of this process and its like."""


def careful(
    load: Callable[[], object], reload: Callable[[], None], ended: Callable[[int], object]
) -> Callable[[], None]:
    """What reloads only where an application can be made of the settings as they are now.

    Args:
        load: makes one.
        ended: told the number of the process that has tried.
    """

    def reloaded() -> None:
        if _works(load, ended):
            reload()
        else:
            _LOG.error("nothing is started anew: the workers go on with the settings that they have")

    return reloaded


def begin(load: Callable[[], None]) -> None:
    """Load a worker's application. Where others have begun before, one that cannot is replaced after a pause.

    Where none has, all ends; a reason that is in words for an operator is told without its place in the code.
    """
    try:
        load()
    except CannotStart as why:
        if not BEGUN:
            _LOG.critical("nothing can be served: %s", why)
            raise SystemExit(Arbiter.APP_LOAD_ERROR) from why
        _replace(why)
    except Exception as why:
        if not BEGUN:
            raise
        _replace(why)
    BEGUN.note()


def _replace(why: Exception) -> NoReturn:
    """End this worker, so that the master begins another after a pause."""
    _LOG.error("a worker cannot begin, which is tried again: %s", why)
    threading.Event().wait(_PAUSE_SECONDS)
    raise SystemExit(_TRY_AGAIN) from why


def _works(load: Callable[[], object], ended: Callable[[int], object]) -> bool:
    """Whether it loads: tried in a process of its own, so that nothing of it stays here."""
    trial = os.fork()
    if not trial:
        _try(load)
    _, status = os.waitpid(trial, 0)
    ended(trial)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _LOG.error("whether the settings can be used is not known: who tried them ended by signal %d", -code)
    return code == 0


def _try(load: Callable[[], object]) -> Any:
    signal.alarm(_TRIAL_SECONDS)  # which ends this process
    logging.disable()  # whoever begins in earnest tells the same
    status = 1
    try:
        load()
        status = 0
    except BaseException as why:  # noqa: BLE001 - this process does nothing else, and has to end here
        logging.disable(logging.NOTSET)
        _LOG.error("the settings as they are now cannot be used: %s", why)
    finally:
        os._exit(status)
