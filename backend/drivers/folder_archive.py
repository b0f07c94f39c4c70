"""An archive in a folder of this machine, or one that is mounted: a file a sheaf, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from backend.drivers.archives import NotArchived, Sheaf


class FolderArchive:
    """Keeps sheaves as files below a folder, which its owner alone may read.

    Args:
        folder: made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, sheaf: Sheaf) -> None:
        path = self._folder / sheaf.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
                try:
                    part.write(sheaf.content)
                    part.flush()
                    os.fsync(part.fileno())
                    Path(part.name).replace(path)
                except BaseException:
                    Path(part.name).unlink(missing_ok=True)
                    raise
            self._settle(path.parent)
        except OSError as error:
            raise NotArchived(str(error)) from error

    def _settle(self, folder: Path) -> None:
        """Have the names themselves on the disk: what was kept is deleted elsewhere after this."""
        for each in (folder, *(up for up in folder.parents if up.is_relative_to(self._folder))):
            file = os.open(each, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
