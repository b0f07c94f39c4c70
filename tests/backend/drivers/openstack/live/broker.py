"""A RabbitMQ of the tests' own, which they may kill: the one of the test cloud is what the cloud lives by."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from backend.clock import SystemClock
from conformance.openstack import processes
from conformance.openstack.services import RABBITMQ
from conformance.product import free_port

_SECONDS = 90
_NAME = "broker"


class Broker:
    """It can be started again on the same port, with what its durable queues held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._epmd, nodes = free_port(), free_port(), free_port()
        self._environment = {
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd),
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(nodes),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"
            " +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    @property
    def url(self) -> str:
        return f"rabbit://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        output = self._folder / "output"
        led = processes.start(self._folder, _NAME, [RABBITMQ], self._environment, output)
        clock = SystemClock()
        deadline = clock.monotonic() + _SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return
            assert processes.alive(led), output.read_text()[-2000:]
            assert clock.monotonic() < deadline, "RabbitMQ takes no connection"
            clock.wait(0.1)

    def kill(self) -> None:
        """kill -9 of all its processes; nobody takes connections at its port any more."""
        processes.kill(self._folder, _NAME)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """It, and the mapper of names that it asks for."""
        mapper = subprocess.Popen(["epmd"], env=self._environment, stderr=subprocess.DEVNULL)
        try:
            self.start()
            yield
        finally:
            self.kill()
            mapper.kill()
            mapper.wait()
