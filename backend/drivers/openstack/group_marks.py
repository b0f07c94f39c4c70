"""How security groups that were made here are known at Neutron: by their names and descriptions. Pure.

Neutron's project has one room for names where AWS has one a VPC, so the VPC stands in the name; whose it is and what it
is found by stands in the description. AWS's own description is kept by Coppice.
"""

from __future__ import annotations

import re
from typing import Final

from backend.domain.ids import short_id
from backend.drivers.network import SecurityGroup

_LONGEST: Final = 200
"""Neutron takes 255 characters, the VPC's among them."""
_MARK: Final = re.compile(r"coppice:(?P<installation>[0-9a-f-]{0,36}):(?P<network>[0-9a-f-]{36}):[0-9a-f-]{1,36}")
_NAME: Final = re.compile(r"(?P<name>.*) \(vpc-[0-9a-f]{17}\)", re.DOTALL)


def marked(installation: str, network_id: str, token: str) -> str:
    """The description of a group."""
    return f"coppice:{installation}:{network_id}:{token}"


def mark_of(description: str) -> tuple[str, str] | None:
    """The installation and the network that a description tells, None where it is not one of ours."""
    found = _MARK.fullmatch(description)
    return None if found is None else (found["installation"], found["network"])


def name_at(name: str, network_id: str) -> str:
    """The name of a group at Neutron."""
    return f"{name[:_LONGEST]} (vpc-{short_id(network_id)})"


def plain_name(name: str) -> str:
    """The name of a group at AWS, as far as Neutron has it."""
    found = _NAME.fullmatch(name)
    return name if found is None else found["name"]


def cloud_name(group: SecurityGroup) -> str:
    """The name that Neutron has a group by."""
    return group.name if group.installation is None else name_at(group.name, group.network_id)
