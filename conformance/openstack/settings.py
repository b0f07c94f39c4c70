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
class Settings:
    """One test cloud.

    Attributes:
        state: the folder of everything it has: packages, configuration, data, logs. Absolute.
        port_base: first of ``SPAN`` ports on 127.0.0.1.
    """

    state: Path
    port_base: int = DEFAULT_PORT_BASE

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


def settle(state: Path, port_base: int | None) -> Settings:
    """The settings of a state folder: those it was made with, else those given, else the defaults.

    Raises:
        Mismatch: it was made with another port base; databases and endpoints hold the ports.
    """
    state = state.resolve()
    kept = state / "settings.json"
    made_with = json.loads(kept.read_text())["port_base"] if kept.exists() else None
    if made_with is not None and port_base not in (None, made_with):
        raise Mismatch(
            f"{state} was made with port base {made_with}: take `down --wipe` first, or another state folder"
        )
    return Settings(state, made_with or port_base or DEFAULT_PORT_BASE)


def keep(settings: Settings) -> None:
    """Write the settings down for the next command."""
    settings.state.mkdir(parents=True, exist_ok=True)
    values = {name: value for name, value in asdict(settings).items() if name != "state"}
    (settings.state / "settings.json").write_text(json.dumps(values) + "\n")


def user() -> str:
    """Who runs the servers: us."""
    return getpass.getuser()
