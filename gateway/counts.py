"""Counts that processes share in files: room for them is reserved, and where there is none they are this process's own.

prometheus_client makes the files longer without their having any room on the disk, and maps them: whoever then writes
there on a disk that is full is ended by SIGBUS, which was every worker of a gateway at every request.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from pathlib import Path
from typing import Any, Final

from prometheus_client import mmap_dict, values

_LOG: Final = logging.getLogger(__name__)
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
        self._beside: dict[str, tuple[float, float]] = {}
        with contextlib.suppress(OSError):
            self._open()

    def read_value(self, key: str) -> tuple[float, float]:
        try:
            self._open()
            value: tuple[float, float] = super().read_value(key)  # type: ignore[no-untyped-call]
        except OSError as why:
            self._tell(why)
            return self._beside.setdefault(key, (0.0, 0.0))
        return value

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        try:
            self._open()
            super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]
        except OSError as why:
            self._tell(why)
            self._beside[key] = value, timestamp
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
            os.posix_fallocate(self._f.fileno(), 0, capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _tell(self, why: OSError) -> None:
        if not Counts._told:  # once: it is about all of them, and so are the next
            _LOG.warning("metrics cannot be kept in %s, some are not told: %s", Path(self._name).parent, why.strerror)
        Counts._told = True


_AROUND: Final = 4 + 8 + 16
"""Bytes at most beside a key: its length, what fills up to eight bytes, two numbers."""


def _reserve_file(path: Path) -> None:
    """Raises OSError where there is no room for it; one that was not there before is not there then."""
    with path.open("ab") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            os.posix_fallocate(file.fileno(), 0, max(size, _LEAST))
        except OSError as why:
            if size == 0:
                path.unlink()
            raise OSError(why.errno or errno.ENOSPC, os.strerror(why.errno or errno.ENOSPC)) from why


setattr(values, "MmapedDict", Counts)  # noqa: B010 - a name that the module does not export
