"""Where the test cloud lies, which ports it has and what is in its configuration files: values, no effects."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_STATE = ROOT / ".openstack"
DEFAULT_PORT_BASE = 18600
REGION = "RegionOne"
# Everything listens on loopback only.
PASSWORD = "secret"
ZONES = ("az1", "az2", "az3")
# What each region has of its own; Keystone, Glance and Octavia are the first one's.
REGIONAL = ("nova", "placement", "neutron")

# A port is the base plus this. Gaps leave room for more services.
OFFSETS = {
    "keystone": 0,
    "nova": 1,
    "placement": 2,
    "glance": 3,
    "neutron": 4,
    "octavia": 5,
    "heat": 6,
    "senlin": 7,
    "cinder": 8,
    "zaqar": 9,
    "zaqar-redis": 10,
    "nova-two": 11,
    "placement-two": 12,
    "barbican": 13,
    "neutron-two": 14,
    # UDP: what balancers say of themselves.
    "octavia-heartbeats": 15,
    "gnocchi": 16,
    "nova-metadata": 17,
    "metadata": 18,
    "aodh": 19,
    "mariadb": 20,
    "rabbitmq": 21,
    "rabbitmq-nodes": 22,
    "epmd": 23,
    "memcached": 24,
}
SPAN = 30


class Mismatch(Exception):
    """The state folder holds a cloud that was made with other settings."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region of the cloud.

    Attributes:
        zones: its zones, each with one compute host.
        mark: tells what it has of its own from the first region's.
    """

    name: str
    zones: tuple[str, ...]
    mark: str = ""

    def called(self, name: str, joint: str = "-") -> str:
        """The name that a service, port or step of this region goes by; with the joint ``_`` a database."""
        return f"{name}{joint}{self.mark}" if self.mark else name


REGIONS = (Region(REGION, ZONES), Region("RegionTwo", ZONES[:1], "two"))


@dataclass(frozen=True, slots=True)
class Settings:
    """One test cloud.

    Attributes:
        state: the folder of everything it has: packages, configuration, data, logs. Absolute.
        port_base: first of ``SPAN`` ports on 127.0.0.1.
        regions: how many of ``REGIONS`` it has.
    """

    state: Path
    port_base: int = DEFAULT_PORT_BASE
    regions: int = 1

    @property
    def venv(self) -> Path:
        return self.state / "venv"

    @property
    def etc(self) -> Path:
        return self.state / "etc"

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def stamps(self) -> Path:
        """What was done once and for all: one empty file each."""
        return self.data / "done"

    @property
    def clouds(self) -> Path:
        return self.state / "clouds.yaml"

    @property
    def several(self) -> tuple[Region, ...]:
        """Its regions, the first one first."""
        return REGIONS[: self.regions]

    def etc_of(self, region: Region) -> Path:
        """Configuration of what the region has of its own."""
        return self.etc / region.name if region.mark else self.etc

    def data_of(self, region: Region) -> Path:
        return self.data / region.name if region.mark else self.data

    def port(self, name: str) -> int:
        return self.port_base + OFFSETS[name]

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port(name)}{path}"

    def program(self, name: str) -> str:
        return str(self.venv / "bin" / name)

    def peer_venv(self, name: str) -> Path:
        return self.state / "venvs" / name

    def ec2_file(self, user: str) -> Path:
        """The AWS keys of a user, as ``export NAME=value`` lines."""
        return self.state / f"ec2-{user}.env"


def settle(state: Path, port_base: int | None, regions: int | None = None) -> Settings:
    """The settings of a state folder: those it was made with, else those given, else the defaults.

    Regions may be added later; none is taken away.

    Raises:
        Mismatch: it was made with another port base; databases and endpoints hold the ports.
    """
    state = state.resolve()
    kept = state / "settings.json"
    values = json.loads(kept.read_text()) if kept.exists() else {}
    made_with = values.get("port_base")
    if made_with is not None and port_base not in (None, made_with):
        raise Mismatch(
            f"{state} was made with port base {made_with}: take `down --wipe` first, or another state folder"
        )
    return Settings(state, made_with or port_base or DEFAULT_PORT_BASE, max(values.get("regions", 1), regions or 1))


def keep(settings: Settings) -> None:
    """Write the settings down for the next command."""
    settings.state.mkdir(parents=True, exist_ok=True)
    values = {name: value for name, value in asdict(settings).items() if name != "state"}
    (settings.state / "settings.json").write_text(json.dumps(values) + "\n")


def user() -> str:
    """Who runs the servers: us."""
    return getpass.getuser()
