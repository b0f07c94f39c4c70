"""Messages as lines of JSON in the log, or at the end of a file: for operators, and for whoever tails it."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Final

from backend.domain.messages import Telling
from backend.domain.scope import Scope
from backend.drivers.sinks import Unreached

LOG: Final = logging.getLogger("coppice.messages")


class LogSink:
    """Writes each message as one line.

    Args:
        path: the file, made where it is missing; None writes to the log of the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def send(self, scope: Scope, target: str, telling: Telling) -> None:
        """Raises Unreached where the file cannot be written."""
        told = {"id": telling.id, "project": scope.project_id, "region": scope.region, "body": telling.body}
        line = json.dumps(told, ensure_ascii=False)
        if self._path is None:
            LOG.info("%s %s", target, line)
            return
        try:
            # One write of one line, opened for appending: those of several engines do not mix, and a file that was
            # rotated away is made anew.
            # A pipe that nobody reads, or that is full, is none that is waited for: it is tried again later.
            opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
            try:
                written = f"{line}\n".encode()
                if os.write(opened, written) != len(written):  # the disk is full: no second write, which might mix
                    raise Unreached(f"{self._path}: only a part of a line could be written")
            finally:
                os.close(opened)
        except OSError as error:
            raise Unreached(f"{self._path}: {error.strerror}") from error
