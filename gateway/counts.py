"""Counts that processes share in files: room for them is reserved, and where there is none they are this process's own.

prometheus_client makes the files longer without their having any room on the disk, and maps them: whoever then writes
there on a disk that is full is ended by SIGBUS, which was every worker of a gateway at every request. It also leaves
the files of processes that ended, which may come and go for years under one master: what they counted is put together.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from math import ldexp
from pathlib import Path
from typing import Any, Final

from prometheus_client import mmap_dict, values

_LOG: Final = logging.getLogger(__name__)
_Value = tuple[float, float]
"""A number, and when it was set, where that matters."""
_LEAST: Final[int] = mmap_dict._INITIAL_MMAP_SIZE  # noqa: SLF001 - as long as it makes them


class Counts(mmap_dict.MmapedDict):
    """Values by their keys, in one file of this process.

    What finds no room there is kept beside it, told to nobody, and written at the next change after there is some.
    """

    _told = False

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        self._name, self._reads = filename, read_mode
        self._m: Any = None
        self._f: Any = None
        self._positions: dict[str, int] = {}
        self._beside: dict[str, _Value] = {}
        with contextlib.suppress(OSError):
            self._open()

    @property
    def is_whole(self) -> bool:
        """Whether all found room."""
        return not self._beside

    def read_value(self, key: str) -> _Value:
        try:
            self._open()
            value: _Value = super().read_value(key)  # type: ignore[no-untyped-call]
        except OSError as why:
            self._tell(why)
            return self._beside.setdefault(key, (0.0, 0.0))
        return value

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        kept = _addable(value)
        try:
            self._open()
            super().write_value(key, kept, timestamp)  # type: ignore[no-untyped-call]
        except OSError as why:
            self._tell(why)
            self._beside[key] = kept, timestamp
        else:
            self._beside.pop(key, None)

    def _open(self) -> None:
        """Raises OSError where there is no room for it."""
        if self._m is not None:
            return
        if not self._reads:
            _reserve_file(Path(self._name))
        super().__init__(self._name, self._reads)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        """Raises OSError where there is no room for it."""
        needed = self._used + len(key.encode()) + _AROUND
        capacity = self._capacity
        while capacity < needed:
            capacity *= 2
        if capacity > self._capacity:
            with Path(self._name).open("r+b") as file:
                _reserve(file.fileno(), capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _tell(self, why: OSError) -> None:
        if not Counts._told:  # once: it is about all of them, and so are the next
            _LOG.warning("metrics cannot be kept in %s, some are not told: %s", Path(self._name).parent, why.strerror)
        Counts._told = True


def _addable(value: float) -> float:
    """A number, to the millionth: such numbers have one sum, in whatever order they are added.

    Else the sum of seconds would be told a trifle less than before when files are put together, or come in another
    order, and what counts goes back for Prometheus only where it began anew.
    """
    return ldexp(round(ldexp(value, _BITS)), -_BITS) if abs(value) < _MOST else value


_BITS: Final = 20
_MOST: Final = 2.0 ** (53 - _BITS)
_AROUND: Final = 4 + 8 + 16
"""Bytes at most beside a key: its length, what fills up to eight bytes, two numbers."""


def _reserve_file(path: Path) -> None:
    """Raises OSError where there is no room for it. Whoever reads all there are sees it when it has its room alone."""
    with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if size > 0:
            _reserve(file.fileno(), max(size, _LEAST))
            return
    draft = path.with_suffix(".new")
    try:
        with draft.open("w+b") as file:
            _reserve(file.fileno(), _LEAST)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _reserve(descriptor: int, length: int) -> None:
    """Have a file be so long, and have room. Raises OSError.

    Args:
        descriptor: not one that appends: where the file's system cannot reserve, zeros are written there.
    """
    try:
        os.posix_fallocate(descriptor, 0, length)
    except OSError as why:
        if why.errno not in _CANNOT:
            raise OSError(why.errno or errno.ENOSPC, os.strerror(why.errno or errno.ENOSPC)) from why
        size = os.fstat(descriptor).st_size
        if os.pwrite(descriptor, bytes(max(0, length - size)), size) < length - size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from why


_CANNOT: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS})
"""glibc writes the zeros itself then, musl does not."""


@contextlib.contextmanager
def at_rest(folder: Path) -> Iterator[None]:
    """While nothing is put together there: neither is a number missing nor told twice."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # whoever can lock nothing there puts nothing together
            held.enter_context(_locked(folder, fcntl.LOCK_SH))
        yield


def put_together(folder: Path, ended: AbstractSet[int]) -> set[int]:
    """Put what ended processes counted into one file of each kind; theirs go.

    Returns:
        Those of them that have files still: somebody reads just now, or there is no room.
    """
    ended = {number for number in ended if not lives(number)}  # another may have the number by now, and its files
    with contextlib.suppress(OSError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        for kind, files in _of(folder, ended).items():
            try:
                _fold(folder, kind, files)
            except _UNREADABLE as why:
                _LOG.debug("metrics of ended processes stay as they are: %s", why)
    return {number for files in _of(folder, ended).values() for number in files}


def lives(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's has the number now
        pass
    return True


def _of(folder: Path, processes: AbstractSet[int]) -> dict[str, dict[int, Path]]:
    """The files of these processes that can be put together, by kind and process."""
    found: dict[str, dict[int, Path]] = {}
    for file in folder.glob("*.db"):
        kind, _, number = file.stem.rpartition("_")
        if kind in _WAYS and number.isdecimal() and int(number) in processes:
            found.setdefault(kind, {})[int(number)] = file
    return found


def _fold(folder: Path, kind: str, files: Mapping[int, Path]) -> None:
    whole, draft = folder / f"{kind}_{_ENDED}.db", folder / f"{kind}_{_ENDED}.draft"
    draft.unlink(missing_ok=True)
    together = Counts(str(draft))
    try:
        before = [whole] if whole.exists() else []
        for key, value in _sum(_WAYS[kind], [*before, *files.values()]).items():
            together.write_value(key, *value)
        if not together.is_whole:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        draft.replace(whole)
    finally:
        together.close()  # type: ignore[no-untyped-call]
        draft.unlink(missing_ok=True)
    for file in files.values():
        file.unlink(missing_ok=True)


def _sum(way: Callable[[_Value, _Value], _Value], files: Collection[Path]) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for file in files:
        for key, number, at, _ in mmap_dict.MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            found[key] = way(found[key], (number, at)) if key in found else (number, at)
    return found


def _added(one: _Value, other: _Value) -> _Value:
    return one[0] + other[0], 0.0


def _later(one: _Value, other: _Value) -> _Value:
    return max(one, other, key=lambda value: value[1])


_ENDED: Final = "ended"
_WAYS: Final[Mapping[str, Callable[[_Value, _Value], _Value]]] = {
    "counter": _added,
    "histogram": _added,
    "summary": _added,
    "gauge_mostrecent": _later,
}
"""How numbers of one key become one, by the kind of their files. Other gauges are told for each process, or while it
lives."""
_UNREADABLE: Final = (OSError, RuntimeError, ValueError, struct.error)


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Raises OSError where that cannot be, or not at once where it is not to be waited for."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, how)
        yield
    finally:
        os.close(opened)


setattr(values, "MmapedDict", Counts)  # noqa: B010 - a name that the module does not export
