"""The services' configuration files, rendered from the templates in ``etc/``."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from conformance.openstack.settings import OFFSETS, PASSWORD, REGIONAL, REGIONS, Region, Settings, user

TEMPLATES = Path(__file__).parent / "etc"
# Database user -> its databases.
DATABASES = {
    "keystone": ("keystone",),
    "placement": ("placement",),
    "glance": ("glance",),
    "nova": ("nova_api", "nova", "nova_cell0"),
    "neutron": ("neutron",),
    "octavia": ("octavia",),
}
SERVICE_USERS = ("placement", "glance", "nova", "neutron", "octavia")


def write(settings: Settings, *, telling: bool = False) -> None:
    """Write every file below ``etc`` of the state folder anew: the first region's, and what others have of their own.

    Args:
        telling: Nova tells on the bus what happens. Of the environment oslo.config takes no option of several values.
    """
    told = {"notifications": "messagingv2" if telling else "noop"}
    write_all(TEMPLATES, settings.etc, {**values_of(settings), **told})
    for region in settings.several[1:]:
        for name in REGIONAL:
            write_all(TEMPLATES / name, settings.etc_of(region) / name, {**values_of(settings, region), **told})


def write_all(templates: Path, folder: Path, values: Mapping[str, str]) -> None:
    """Write the files of a folder of templates into another."""
    for template in sorted(templates.rglob("*")):
        if template.is_file():
            target = folder / template.relative_to(templates)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(render(template.read_text(), values))


def render(template: str, values: Mapping[str, str]) -> str:
    """The text with each ``${name}`` replaced. KeyError names one that has no value."""
    return Template(template).substitute(values)


def values_of(settings: Settings, region: Region = REGIONS[0]) -> dict[str, str]:
    """What the templates may name, as it is in a region."""
    values = {
        "data": str(settings.data_of(region)),
        "etc": str(settings.etc_of(region)),
        "venv": str(settings.venv),
        "user": user(),
        "password": PASSWORD,
        "transport": transport(settings, region),
        "other_vhost": REGIONS[1].mark,
        "rabbitmq_hash": rabbitmq_hash(PASSWORD),
        "databases": "\n".join(_statements()),
    }
    for name in OFFSETS:
        port = region.called(name) if name in REGIONAL else name
        values[f"{name}_port".replace("-", "_")] = str(settings.port(port))
    for owner, databases in DATABASES.items():
        for database in databases:
            values[f"database_{database}"] = database_url(settings, owner, database, region)
    for name in SERVICE_USERS:
        values[f"auth_{name}"] = auth(settings, name, region)
        values[f"authtoken_{name}"] = authtoken(settings, name, region)
    return values


def transport(settings: Settings, region: Region) -> str:
    """RabbitMQ's URL: each region has a virtual host of its own."""
    return f"rabbit://openstack:{PASSWORD}@127.0.0.1:{settings.port('rabbitmq')}/{region.mark}"


def database_url(settings: Settings, owner: str, database: str, region: Region = REGIONS[0]) -> str:
    if owner in REGIONAL:
        database = region.called(database, "_")
    return f"mysql+pymysql://{owner}:{PASSWORD}@127.0.0.1:{settings.port('mariadb')}/{database}?charset=utf8mb4"


def rabbitmq_hash(password: str, salt: bytes = b"cppc") -> str:
    """A password as RabbitMQ's definitions hold it.

    Source: RabbitMQ's manual, "Credentials and passwords": base64 of the salt and of SHA-256 over salt and password.
    """
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _statements() -> list[str]:
    """What MariaDB runs at each start, one statement a line; it changes nothing that is there."""
    lines = [
        f"CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';",
        "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;",
    ]
    for owner, databases in DATABASES.items():
        regions = REGIONS if owner in REGIONAL else REGIONS[:1]
        lines += owned(owner, [region.called(name, "_") for region in regions for name in databases])
    return lines


def owned(owner: str, databases: Sequence[str]) -> list[str]:
    """Statements that make a database user with its databases, where they are not yet there."""
    lines = [f"CREATE USER IF NOT EXISTS '{owner}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"]
    for database in databases:
        lines.append(f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4;")
        lines.append(f"GRANT ALL ON {database}.* TO '{owner}'@'127.0.0.1';")
    return lines


def auth(settings: Settings, name: str, region: Region = REGIONS[0]) -> str:
    """Options of keystoneauth's password plugin, for a user of the project ``service``."""
    options = {
        "auth_type": "password",
        "auth_url": settings.url("keystone"),
        "username": name,
        "password": PASSWORD,
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
        "region_name": region.name,
    }
    return "\n".join(f"{key} = {value}" for key, value in options.items())


def authtoken(settings: Settings, name: str, region: Region = REGIONS[0]) -> str:
    """Options of keystonemiddleware, which checks the callers' tokens."""
    options = {
        "www_authenticate_uri": settings.url("keystone"),
        "memcached_servers": f"127.0.0.1:{settings.port('memcached')}",
        "service_token_roles": "service",
        "service_token_roles_required": "true",
        "token_cache_time": "300",
    }
    return "\n".join([auth(settings, name, region), *(f"{key} = {value}" for key, value in options.items())])
