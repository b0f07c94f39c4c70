"""Balancers that really forward, on the running test cloud: Octavia with an HAProxy for each of them.

Octavia's API and worker are started anew with its own driver for amphorae, its driver for Neutron and its health
manager; what an amphora's server would do, ``octavia_haproxy`` does on this host. VIPs are ports of Neutron's, and
their addresses lie, with those of the members, in a network namespace of the cloud: who asks them has to be in it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from openstack.exceptions import SDKException

from conformance.openstack import configuration, lifecycle
from conformance.openstack import services as every
from conformance.openstack.cloud import connect
from conformance.openstack.installation import PEER_PACKAGES, install_debian
from conformance.openstack.lifecycle import NotUp
from conformance.openstack.services import Saying, Service, Stage
from conformance.openstack.settings import Settings

TEMPLATES = Path(__file__).parent / "peers_etc" / "balancers"
DRIVER = Path(__file__).parent / "octavia_haproxy"
_DELETION_SECONDS = 90
_CLONE_NEWNET = 0x40000000
_NAMES = ("octavia-api", "octavia-worker")
_ENTRY_POINTS = """\
[octavia.amphora.drivers]
haproxy_on_host = octavia_haproxy:Balancers

[octavia.compute.drivers]
haproxy_on_host = octavia_haproxy:Machines
"""


def namespace(settings: Settings) -> str:
    """The network namespace in which VIPs and members are."""
    return f"coppice-{settings.port_base}"


def inside(settings: Settings, *command: str) -> tuple[str, ...]:
    """A command as it is run where balancers can be reached. It takes root."""
    return ("ip", "netns", "exec", namespace(settings), *command)


def enter(settings: Settings) -> None:
    """Have the calling thread's sockets, from now on, be where balancers can be reached. It takes root.

    Raises:
        OSError: no balancers run, or it is not root's thread.
    """
    with Path(f"/var/run/netns/{namespace(settings)}").open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[None]:
    """Have balancers forward until the block ends; those that were made in it and are left then are deleted.

    Raises:
        NotInstalled, NotUp, NotReady: with the diagnosis.
    """
    install_debian(settings, PEER_PACKAGES["balancers"])
    configuration.write_all(TEMPLATES, settings.etc / "balancers", configuration.values_of(settings))
    shutil.rmtree(settings.data / "octavia" / "host", ignore_errors=True)
    usual = [one for one in every.services(settings) if one.name in _NAMES]
    several = services(settings)
    hollow = _balancers(settings)
    try:
        _make_namespace(settings)
        lifecycle.stop(settings, usual)
        lifecycle.resume(settings, several)
        try:
            yield
        finally:
            _delete(settings, hollow)
    finally:
        lifecycle.stop(settings, list(reversed(several)))
        _run(("ip", "netns", "delete", namespace(settings)))
        lifecycle.resume(settings, usual)


def _balancers(settings: Settings) -> set[str]:
    with connect("admin", settings.state) as admin:
        return {each.id for each in admin.load_balancer.load_balancers()}


def _delete(settings: Settings, hollow: set[str]) -> None:
    """Delete all but these: Octavia's no-op drivers would leave ports and groups of theirs in Neutron."""
    deadline = time.monotonic() + _DELETION_SECONDS
    while left := _balancers(settings) - hollow:
        with connect("admin", settings.state) as admin:
            for each in left:
                # One that is being changed is asked again.
                with contextlib.suppress(SDKException):
                    admin.load_balancer.delete_load_balancer(each, cascade=True)
        if time.monotonic() > deadline:
            raise NotUp(f"Octavia did not delete the balancers {', '.join(sorted(left))}")
        time.sleep(1)


def services(settings: Settings) -> list[Service]:
    """Octavia's processes while balancers forward, the host's first."""
    files = tuple(str(settings.etc / folder / f"{folder}.conf") for folder in ("octavia", "balancers"))
    options = tuple(word for file in files for word in ("--config-file", file))
    environment = {"PYTHONPATH": str(_driver(settings))}
    host = (settings.program("python"), str(DRIVER / "host.py"), namespace(settings), *options)
    usual = {one.name: one for one in every.services(settings)}
    worker = (settings.program("octavia-worker"), *options)
    manager = (settings.program("octavia-health-manager"), *options)
    return [
        Service("octavia-host", Stage.APIS, host, Saying("host of the balancers is ready"), environment=environment),
        _with(usual["octavia-api"], {**environment, "UWSGI_PYARGV": " ".join(options)}),
        replace(usual["octavia-worker"], command=worker, environment=environment),
        Service(
            "octavia-health-manager",
            Stage.APIS,
            manager,
            Saying("Health manager check process starts"),
            environment=environment,
        ),
    ]


def _with(service: Service, environment: Mapping[str, str]) -> Service:
    return replace(service, environment={**service.environment, **environment})


def _driver(settings: Settings) -> Path:
    """A folder with the driver as an installed package, whose entry points Octavia finds; nothing is installed."""
    folder = settings.state / "src" / "octavia_haproxy"
    told = folder / "octavia_haproxy-1.0.dist-info"
    told.mkdir(parents=True, exist_ok=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: octavia-haproxy\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(_ENTRY_POINTS)
    shutil.copyfile(DRIVER / "octavia_haproxy.py", folder / "octavia_haproxy.py")
    return folder


def _make_namespace(settings: Settings) -> None:
    """Anew: addresses of balancers that nobody ended are gone with the one before."""
    name = namespace(settings)
    _run(("ip", "netns", "delete", name))
    for command in (("ip", "netns", "add", name), inside(settings, "ip", "link", "set", "lo", "up")):
        if (said := _run(command)) is not None:
            raise NotUp(f"`{' '.join(command)}` failed, network namespaces take root: {said}")


def _run(command: tuple[str, ...]) -> str | None:
    """None, or what it said when it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip()
