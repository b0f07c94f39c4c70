"""The networks of guests: what Neutron's agents do on a host, for the taps that Nova makes there.

Each network with guests is a bridge of this machine. A pair of devices leads from it into a network namespace of the
cloud, which has the addresses of the subnets' gateways there: who asks a guest has to be in it, and Neutron's metadata
proxy listens in it. A bridge without taps is taken away. Security groups are not enforced, and nothing is routed from
one network to another.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openstack.connection import Connection
from openstack.exceptions import SDKException

from conformance.openstack import lifecycle
from conformance.openstack.balancers import inside, namespace
from conformance.openstack.cloud import connect
from conformance.openstack.configuration import render
from conformance.openstack.services import Saying, Service, Stage
from conformance.openstack.settings import Settings

METADATA = "169.254.169.254"
PROXY = Path(__file__).parent.parent / "peers_etc" / "guests" / "metadata_proxy.cfg"
_DEVICES = Path("/sys/class/net")
_NAMESPACES = Path("/var/run/netns")
_PAUSE = 0.3
# Of the name of a device, as Nova cuts it.
_LENGTH = 14
_log = logging.getLogger(__name__)


class NoWire(Exception):
    """The machine refused a bridge; the words are those of ``ip``."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network with guests.

    Attributes:
        addresses: of its subnets' gateways, with their lengths.
    """

    id: str
    addresses: tuple[str, ...]

    @property
    def bridge(self) -> str:
        return self._device("brq")

    @property
    def outer(self) -> str:
        """The device that is on the bridge; the other end of it is ``inner``."""
        return self._device("out")

    @property
    def inner(self) -> str:
        return self._device("net")

    def _device(self, prefix: str) -> str:
        return f"{prefix}{self.id}"[:_LENGTH]


class Wires:
    """The bridges of the networks that guests are on; ``look`` brings them up to date.

    Args:
        host: whose taps they are, by Nova's name.
    """

    def __init__(self, settings: Settings, admin: Connection, host: str) -> None:
        self._settings = settings
        self._admin = admin
        self._host = host
        self._made: dict[str, Network] = {}

    def look(self) -> None:
        """Join taps that are new, take away bridges that have none. Raises NoWire, SDKException."""
        loose = [one.name for one in _DEVICES.glob("tap*") if not (one / "brport").exists()]
        if loose:
            ports = {f"tap{port.id}"[:_LENGTH]: port for port in self._admin.network.ports(binding_host_id=self._host)}
            for tap in loose:
                if tap in ports:
                    _ip("link", "set", tap, "master", self._network(ports[tap].network_id).bridge, "up")
        for network in list(self._made.values()):
            if not any((_DEVICES / network.bridge / "brif").glob("tap*")):
                self._take_away(network)

    def end(self) -> None:
        """Take all of them away, those of an earlier run, too."""
        for network in list(self._made.values()):
            self._take_away(network)
        for alias in _DEVICES.glob("*/ifalias"):
            if alias.read_text().strip() == self._mark:
                _ip("link", "del", alias.parent.name)

    @property
    def _mark(self) -> str:
        return f"guests of {self._settings.state}"

    def _network(self, identity: str) -> Network:
        if identity in self._made:
            return self._made[identity]
        subnets = [one for one in self._admin.network.subnets(network_id=identity) if one.gateway_ip]
        addresses = tuple(f"{one.gateway_ip}/{one.cidr.partition('/')[2]}" for one in subnets)
        made = Network(identity, addresses)
        _ip("link", "add", made.bridge, "type", "bridge", "forward_delay", "0")
        try:
            self._join(made)
        except BaseException:
            # The next look begins anew: it would be refused a bridge that is there. Half of a pair goes with the other.
            for device in (made.outer, made.bridge):
                with contextlib.suppress(NoWire):
                    _ip("link", "del", device)
            raise
        self._made[identity] = made
        return made

    def _join(self, made: Network) -> None:
        """Join a bridge that is there to the namespace, and have the network's proxy listen."""
        _ip("link", "set", made.bridge, "alias", self._mark, "up")
        space = namespace(self._settings)
        _ip("link", "add", made.outer, "type", "veth", "peer", "name", made.inner, "netns", space)
        _ip("link", "set", made.outer, "alias", self._mark, "master", made.bridge, "up")
        _ip("-n", space, "link", "set", made.inner, "up")
        for address in (*made.addresses, f"{METADATA}/32"):
            _ip("-n", space, "addr", "add", address, "dev", made.inner)
        file = self._settings.data / "guests" / f"{made.bridge}.cfg"
        file.write_text(render(PROXY.read_text(), values_of(self._settings, made)))
        lifecycle.start(self._settings, [_proxy(self._settings, made, file)])

    def _take_away(self, network: Network) -> None:
        lifecycle.kill(self._settings, [_proxy(self._settings, network, Path())])
        for device in (network.outer, network.bridge):
            _ip("link", "del", device)
        del self._made[network.id]


def values_of(settings: Settings, network: Network) -> dict[str, str]:
    """What the proxy's template may name."""
    return {"device": network.inner, "network": network.id, "data": str(settings.data)}


def _proxy(settings: Settings, network: Network, file: Path) -> Service:
    return Service(
        f"guests-metadata-{network.bridge}",
        Stage.HOSTS,
        inside(settings, "/usr/sbin/haproxy", "-db", "-f", str(file)),
        Saying("haproxy"),
    )


def _ip(*words: str) -> None:
    done = subprocess.run(("ip", *words), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoWire(f"`ip {' '.join(words)}`: {done.stderr.strip()}")


@contextlib.contextmanager
def kept(settings: Settings, host: str) -> Iterator[None]:
    """The wires of a host's guests are kept up to date until the block ends."""
    over = threading.Event()
    with _namespace(settings), connect("admin", settings.state) as admin:
        wires = Wires(settings, admin, host)
        wires.end()

        def watch() -> None:
            while not over.wait(_PAUSE):
                try:
                    wires.look()
                except (NoWire, SDKException) as trouble:
                    # A tap may go while it is looked at; the next look tells.
                    _log.warning("guests: %s", trouble)

        watcher = threading.Thread(target=watch, name="wires", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            wires.end()


@contextlib.contextmanager
def _namespace(settings: Settings) -> Iterator[None]:
    """The namespace is there until the block ends, and afterwards where it was there before."""
    name = namespace(settings)
    if (_NAMESPACES / name).exists():
        yield
        return
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        _ip("netns", "del", name)
