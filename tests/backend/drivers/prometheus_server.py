"""A Prometheus of Debian's over series that a test writes down: it scrapes nothing."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tests.databases.start import installed

_START_SECONDS = 30

Counter = Mapping[str, Sequence[tuple[datetime, float]]]
"""The values of series by their names with labels."""


@contextmanager
def serving(series: Counter) -> Iterator[str]:
    """The URL of a server that knows these. Raises Unavailable where none can be had."""
    folder_of = installed("prometheus", "prometheus", lambda: [Path("/usr/bin")])
    with tempfile.TemporaryDirectory(prefix="coppice-prom-") as made:
        folder = Path(made)
        lines = [f"{name} {value} {at.timestamp():.0f}" for name, points in series.items() for at, value in points]
        (folder / "series").write_text("\n".join([*lines, "# EOF", ""]))
        (folder / "config.yml").write_text("global: {}\n")
        create = (folder_of / "promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "series")
        subprocess.run([*map(str, create), str(folder / "data")], check=True, capture_output=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [
            str(folder_of / "prometheus"),
            f"--config.file={folder / 'config.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            _await(process, url)
            yield url
        finally:
            process.terminate()
            process.wait(_START_SECONDS)


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    ends_at = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError("Prometheus does not start") from None
            time.sleep(0.02)
