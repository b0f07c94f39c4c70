"""A metadata service of our own beside a Coppice, and what guests and Neutron's agents ask of it."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.product import ROOT, Product, free_port, until

SECRET = "shared-with-the-agents"


@dataclass(frozen=True, slots=True)
class Companion:
    """A metadata service at a port of this machine."""

    port: int

    def ask(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def by_agent(self, path: str, server: str, project: str, method: str = "GET") -> tuple[int, str]:
        """What Neutron's agent is answered for a server."""
        signature = hmac.new(SECRET.encode(), server.encode(), hashlib.sha256).hexdigest()
        vouched = {"X-Instance-ID": server, "X-Tenant-ID": project, "X-Instance-ID-Signature": signature}
        return self.ask(path, method, {"X-Forwarded-For": "10.0.0.9", **vouched})

    def is_up(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ask("/")[0] > 0
        return False


@contextlib.contextmanager
def companion(product: Product, port: int | None = None, **settings: str) -> Iterator[Companion]:
    """``coppice metadata`` on the state of a product, with its settings and others; at any free port by default."""
    made = Companion(port or free_port())
    with beside(product, "metadata", f"127.0.0.1:{made.port}", **settings):
        until("the metadata service is up", made.is_up)
        yield made


@contextlib.contextmanager
def beside(product: Product, command: str, bind: str, **settings: str) -> Iterator[None]:
    """``coppice metadata`` or ``coppice serve`` on the state of a product, with its settings and others."""
    state = {"OS_DEFAULT__STATE": str(product.state), "OS_GATEWAY__WORKERS": "1"}
    with (product.state / f"{command}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "wsgi.py", command, "--bind", bind],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env={**os.environ, **product.settings, **state, **settings},
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)
