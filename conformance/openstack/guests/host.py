"""A fourth host and zone of the running cloud, whose servers really run, and what their metadata come through."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from openstack.connection import Connection
from openstack.exceptions import HttpException

from conformance.openstack import configuration, lifecycle, processes, readiness, seeding, seeds
from conformance.openstack.cloud import connect
from conformance.openstack.guests import image, wires
from conformance.openstack.installation import install_peer, run
from conformance.openstack.lifecycle import NotUp
from conformance.openstack.processes import Process
from conformance.openstack.services import (
    Answering,
    Present,
    Reporting,
    Saying,
    Schema,
    Service,
    Stage,
    nova_manage,
    uwsgi,
)
from conformance.openstack.settings import PASSWORD, Settings

NAME = "guests"
ZONE = "az4"
HOST = f"cpu-{ZONE}"
IMAGE = "guest"
FLAVOR = seeds.Flavor("guest.small", 1, 192, 1)
SECRET = PASSWORD
"""What Neutron's metadata agent shares with the service that it asks, which listens at the port ``metadata``."""
TEMPLATES = Path(__file__).parent.parent / "peers_etc" / NAME
_GOING_SECONDS = 120.0
_START_SECONDS = 600.0
_DISK = bytes(1 << 20)
"""The root disk: empty, for all that a guest is comes with its kernel."""


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[None]:
    """The zone ``az4`` with its host, a flavor ``guest.small`` and a public image ``guest``, until the block ends.

    Raises:
        NotInstalled, NotUp, NotReady, NotSeeded: with the diagnosis.
    """
    install_peer(settings, NAME)
    _make_user(settings)
    kernel, initrd = image.build(settings)
    several = services(settings)
    with connect("admin", settings.state) as admin:
        lifecycle.stop(settings, several)  # those of a run that broke off
        _forget(settings, admin)
        write_configuration(settings)
        _make_folders(settings)
        try:
            # Nova's host gives up where no libvirt answers it.
            lifecycle.resume(settings, several[:1])
            lifecycle.resume(settings, several)
            _await_node(settings, several)
            lifecycle.once(settings, _discovered(settings))
            seeding.zones(admin, [ZONE])
            seeding.flavors(admin, [FLAVOR])
            _make_image(admin, kernel, initrd)
            with wires.kept(settings, HOST):
                try:
                    yield
                finally:
                    _empty(admin)
        finally:
            lifecycle.stop(settings, several)
            _forget(settings, admin)


def services(settings: Settings) -> list[Service]:
    """libvirt and Nova's host on it; Nova's metadata service; Neutron's server for agents and its metadata agent."""
    etc, data = settings.etc / NAME, settings.data / NAME
    paste = settings.venv / "etc" / "nova" / "api-paste.ini"
    nova = [settings.etc / "nova" / f"{name}.conf" for name in ("nova", "database", "ctl")]
    neutron = ("--config-file", str(settings.etc / "neutron" / "neutron.conf"))
    # Of its settings those of QEMU have to be in /etc/libvirt: it sees ours there, and nobody else does.
    libvirt = f"mount --bind {etc / 'libvirt'} /etc/libvirt && exec libvirtd --config /etc/libvirt/libvirtd.conf"
    several = [
        Service(
            "libvirtd",
            Stage.BACKING,
            ("unshare", "--mount", "sh", "-c", f"{libvirt} --pid-file {data / 'libvirtd.pid'}"),
            Present(data / "libvirt-sock"),
        ),
        Service(
            f"nova-compute-{ZONE}",
            Stage.HOSTS,
            (
                str(settings.peer_venv(NAME) / "bin" / "nova-compute"),
                *("--config-file", str(nova[0]), "--config-file", str(etc / f"{HOST}.conf")),
            ),
            Reporting("nova-compute", HOST, "nova"),
        ),
        Service(
            "nova-metadata",
            Stage.APIS,
            uwsgi(settings, "nova-metadata", 1, ("--module", "nova.wsgi.metadata:application"), settings.venv),
            Answering(settings.url("nova-metadata", "/")),
            "nova-metadata",
            {
                "OS_NOVA_CONFIG_DIR": str(settings.etc / "nova"),
                "OS_NOVA_CONFIG_FILES": ";".join(map(str, (paste, *nova, etc / "metadata.conf"))),
            },
            patience=5,
        ),
        Service(
            "neutron-rpc-server",
            Stage.APIS,
            (settings.program("neutron-rpc-server"), *neutron, "--config-file", str(etc / "rpc.conf")),
            Saying("Selected multiprocessing start method"),
        ),
        Service(
            "neutron-metadata-agent",
            Stage.HOSTS,
            (settings.program("neutron-metadata-agent"), "--config-file", str(etc / "metadata_agent.conf")),
            Present(data / "metadata_proxy"),
        ),
    ]
    return [replace(one, seconds=_START_SECONDS) for one in several]


def _make_user(settings: Settings) -> None:
    """libvirtd does not start where this one is not, though nothing runs as it; Debian makes it in a package for systemd."""
    made = "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin libvirt-qemu"
    run(("sh", "-c", f"getent passwd libvirt-qemu || {made}"), settings.logs / "guests-user.log")


def write_configuration(settings: Settings) -> None:
    values = {**configuration.values_of(settings), "guests_venv": str(settings.peer_venv(NAME))}
    for template in sorted(TEMPLATES.rglob("*.conf")):
        target = settings.etc / NAME / template.relative_to(TEMPLATES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(configuration.render(template.read_text(), values))


def _make_folders(settings: Settings) -> None:
    """Sockets of an earlier run say nothing of this one."""
    shutil.rmtree(settings.data / NAME, ignore_errors=True)
    nova = settings.data / "nova" / HOST
    for folder in (settings.data / NAME, nova / "lock", nova / "instances"):
        folder.mkdir(parents=True, exist_ok=True)
    Path("/etc/libvirt").mkdir(exist_ok=True)


def _await_node(settings: Settings, several: Sequence[Service]) -> None:
    """Return when Nova knows what the host has, some time after it first reports: before, no discovery finds it."""
    deadline = time.monotonic() + _START_SECONDS
    query = "SELECT COUNT(*) FROM nova.compute_nodes WHERE host = %s AND deleted = 0"
    with readiness.database(settings) as connection, connection.cursor() as cursor:
        connection.autocommit(True)
        while not (cursor.execute(query, (HOST,)) and cursor.fetchone()[0]):
            if time.monotonic() > deadline:
                raise NotUp(f"{HOST} does not tell Nova what it has: see the log of nova-compute-{ZONE}")
            readiness.wait(settings, several)  # it may have ended since it reported
            time.sleep(readiness.PAUSE)


def _discovered(settings: Settings) -> Schema:
    return Schema(f"nova-hosts-{NAME}", (*nova_manage(settings), "cell_v2", "discover_hosts"))


def _make_image(admin: Connection, kernel: Path, initrd: Path) -> None:
    parts = {}
    for kind, file in (("aki", kernel), ("ari", initrd)):
        made = admin.image.create_image(
            f"{IMAGE}-{kind}", filename=str(file), disk_format=kind, container_format=kind, visibility="public"
        )
        parts[kind] = made.id
    admin.image.create_image(
        IMAGE,
        data=io.BytesIO(_DISK),
        disk_format="raw",
        container_format="bare",
        visibility="public",
        architecture="x86_64",
        os_type="linux",
        os_distro="debian",
        kernel_id=parts["aki"],
        ramdisk_id=parts["ari"],
        os_command_line="console=ttyS0 quiet panic=1",
        hw_cdrom_bus="scsi",
        hw_scsi_model="virtio-scsi",
    )


def _empty(admin: Connection) -> None:
    """End all servers of the host. Raises NotUp when some stay."""
    deadline = time.monotonic() + _GOING_SECONDS
    while left := [one for one in admin.compute.servers(all_projects=True) if one.compute_host == HOST]:
        if time.monotonic() > deadline:
            raise NotUp(f"servers of {HOST} do not go: {', '.join(one.id for one in left)}")
        for server in left:
            admin.compute.delete_server(server, ignore_missing=True)
        time.sleep(1)


def _forget(settings: Settings, admin: Connection) -> None:
    """Take the zone, its host, its image and its flavor out of the cloud: what does not run is not to be told.

    Nova refuses it, or fails, for a host that started and was never discovered: that one is found again at the next start.
    """
    _empty(admin)
    end_guests(settings)
    for aggregate in admin.compute.aggregates():
        if aggregate.name == ZONE:
            with contextlib.suppress(HttpException):
                for host in aggregate.hosts or []:
                    admin.compute.remove_host_from_aggregate(aggregate, host)
                admin.compute.delete_aggregate(aggregate)
    for service in admin.compute.services(binary="nova-compute"):
        if service.host == HOST:
            with contextlib.suppress(HttpException):
                admin.compute.delete_service(service)
                # Who the host is lies here, and Nova wants both or neither.
                shutil.rmtree(settings.data / "nova" / HOST, ignore_errors=True)
    for made in admin.image.images():
        if made.name in {IMAGE, f"{IMAGE}-aki", f"{IMAGE}-ari"}:
            admin.image.delete_image(made)
    if flavor := admin.compute.find_flavor(FLAVOR.name):
        admin.compute.delete_flavor(flavor)
    (settings.stamps / _discovered(settings).name).unlink(missing_ok=True)


def end_guests(settings: Settings) -> None:
    """What libvirt started outlives it, and what it was to start. It must not be running.

    Nova's host refuses to begin where libvirt knows of guests that a run left which broke off.
    """
    for one in emulators(settings):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
    shutil.rmtree(settings.etc / NAME / "libvirt" / "qemu", ignore_errors=True)


def emulators(settings: Settings) -> Iterator[Process]:
    """The processes of this cloud's guests."""
    mark = str(settings.data / "nova" / HOST).encode()
    for one in processes.everything():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{one.pid}/cmdline").read_bytes()
            if b"qemu-system" in words.split(b"\0")[0] and mark in words:
                yield one
