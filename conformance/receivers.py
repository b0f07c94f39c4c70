"""Receivers of a Coppice of ours, made with its command, and an Alertmanager of Debian's that calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.product import ROOT, Product, free_port, until


def receiver(product: Product, project: str, group: str, *options: str) -> str:
    """The token of a new receiver of a group.

    Args:
        project: the cloud's id of it.
        options: of ``coppice receivers add``.
    """
    asked = [sys.executable, "wsgi.py", "receivers", "add", project, group, *options]
    environment = {**os.environ, **product.settings, "OS_DEFAULT__STATE": str(product.state)}
    done = subprocess.run(asked, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    address = done.stdout.splitlines()[1]
    return address.rpartition("/")[2]


class Alertmanager:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def fire(self, name: str, **annotations: str) -> None:
        """An alert that fires, as Prometheus tells one."""
        alert = {"labels": {"alertname": name, "receiver": name}, "annotations": annotations}
        body = json.dumps([alert]).encode()
        request = urllib.request.Request(
            f"{self._url}/api/v2/alerts", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


@contextmanager
def alertmanager(hooks: Mapping[str, Mapping[str, Any]]) -> Iterator[Alertmanager]:
    """An Alertmanager that tells alerts to webhooks by their label ``receiver``.

    Args:
        hooks: name -> what its ``webhook_configs`` has.
    """
    routes = [{"receiver": name, "matchers": [f'receiver="{name}"']} for name in hooks]
    at_once = {"group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    configuration = {
        "route": {"receiver": "nobody", "routes": routes, **at_once},
        "receivers": [{"name": "nobody"}, *({"name": name, "webhook_configs": [hook]} for name, hook in hooks.items())],
    }
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="coppice-alerts-") as made:
        folder = Path(made)
        (folder / "config.yml").write_text(json.dumps(configuration))  # what is JSON is YAML
        command = (
            "prometheus-alertmanager",
            f"--config.file={folder / 'config.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        )
        url = f"http://127.0.0.1:{port}"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until("Alertmanager is ready", lambda: _ready(process, url, folder / "log"))
            yield Alertmanager(url)
        finally:
            process.terminate()
            process.wait(20)


def _ready(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
