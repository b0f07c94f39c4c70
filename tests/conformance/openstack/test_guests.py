from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from openstack.connection import Connection

from conformance.openstack import configuration
from conformance.openstack.guests import host, image, wires
from conformance.openstack.services import services
from conformance.openstack.settings import Settings

NETWORK = wires.Network("0f6e2ae2-4a0c-4a60-8d7c-5c2f35d0f8a1", ("10.66.0.1/24",))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, 20000)


def test_every_name_of_the_guests_templates_has_a_value(settings: Settings) -> None:
    host.write_configuration(settings)
    written = {file.name: file.read_text() for file in (settings.etc / host.NAME).rglob("*.conf")}
    assert "${" not in "".join(written.values())
    assert f"nova_metadata_port = {settings.port('metadata')}" in written["metadata_agent.conf"]
    assert f'unix_sock_dir = "{settings.data}/guests"' in written["libvirtd.conf"]
    assert f"helper_command = {settings.peer_venv('guests')}/bin" in written[f"{host.HOST}.conf"]


def test_its_services_are_none_of_the_cloud_s_own(settings: Settings) -> None:
    names = [one.name for one in (*services(settings), *host.services(settings))]
    assert len(set(names)) == len(names)


def test_a_network_s_proxy_listens_on_its_own_device_and_tells_the_network(settings: Settings) -> None:
    proxy = configuration.render(wires.PROXY.read_text(), wires.values_of(settings, NETWORK))
    assert "bind 169.254.169.254:80 interface net0f6e2ae2-4a" in proxy
    assert f"X-Neutron-Network-ID {NETWORK.id}" in proxy


def test_names_of_devices_fit_into_the_kernel_and_differ() -> None:
    devices = {NETWORK.bridge, NETWORK.outer, NETWORK.inner}
    assert len(devices) == 3
    assert all(len(name) < 16 for name in devices)


class Machine:
    """The devices of a machine that refuses the pair once, or once that somebody listens on it."""

    def __init__(self, refuses: str) -> None:
        self.devices: set[str] = set()
        self.refuses: str | None = refuses

    def ip(self, *words: str) -> None:
        self._ask(" ".join(words))
        if words[:2] == ("link", "add"):
            if words[2] in self.devices:
                raise wires.NoWire("File exists")
            self.devices.add(words[2])
        if words[:2] == ("link", "del"):
            self.devices.discard(words[2])

    def start(self, *_: object) -> None:
        self._ask("proxy")

    def _ask(self, what: str) -> None:
        if self.refuses is not None and self.refuses in what:
            self.refuses = None
            raise wires.NoWire("busy")


@pytest.mark.parametrize("refuses", ["alias", "veth", "addr add", "proxy"])
def test_a_bridge_that_comes_to_nothing_is_taken_away_and_made_at_the_next_look(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    machine, admin = Machine(refuses), SimpleNamespace(network=SimpleNamespace(subnets=lambda network_id: []))
    monkeypatch.setattr(wires, "_ip", machine.ip)
    monkeypatch.setattr(wires.lifecycle, "start", machine.start)
    (settings.data / "guests").mkdir(parents=True)
    made = wires.Wires(settings, cast("Connection", admin), "host")
    with pytest.raises(wires.NoWire, match="busy"):
        made._network(NETWORK.id)
    assert machine.devices == set()
    assert made._network(NETWORK.id).id == NETWORK.id
    assert machine.devices == {NETWORK.bridge, NETWORK.outer}


def test_an_image_is_built_anew_only_for_another_init(settings: Settings) -> None:
    folder = settings.state / "guests"
    folder.mkdir()
    (folder / "init").write_text(image.INIT.read_text())
    assert image.build(settings) == (folder / "vmlinuz", folder / "initrd")
    assert not (settings.logs / "guests-image.log").exists()


def test_a_program_comes_with_what_it_is_linked_to(settings: Settings) -> None:
    image.copy_program(Path("/usr/bin/env"), settings.state)
    assert (settings.state / "usr/bin/env").stat().st_mode & 0o111
    assert list(settings.state.rglob("libc.so*"))


def test_only_this_clouds_emulators_are_found(settings: Settings) -> None:
    disk = settings.data / "nova" / host.HOST / "instances" / "disk"
    command = ("qemu-system-x86_64", "-c", "print(flush=True); input()", str(disk))
    with subprocess.Popen(command, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        one.stdout.readline()
        assert [found.pid for found in host.emulators(settings)] == [one.pid]
        assert list(host.emulators(Settings(settings.state / "another"))) == []
        one.stdin.close()


def test_what_a_run_left_of_its_guests_is_not_known_to_the_next(settings: Settings) -> None:
    """Nova's host refuses to begin where libvirt knows guests and the cloud does not know the host."""
    host.write_configuration(settings)
    definitions = settings.etc / host.NAME / "libvirt" / "qemu"
    (definitions / "networks").mkdir(parents=True)
    (definitions / "instance-0000001e.xml").write_text("<domain/>")
    host.end_guests(settings)
    assert not definitions.exists()
    assert (definitions.parent / "qemu.conf").exists()
