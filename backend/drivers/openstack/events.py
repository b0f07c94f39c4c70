"""Notifications of Nova, Neutron, Octavia and Keystone -> events. Pure: whatever comes, it raises nothing.

Anybody who may write to the bus, and any tenant who names a server, has a say in what a notification holds: of each the
few words are read that tell what it is about, and those only where they look like what they ought to be.

Source: Nova, "Available versioned notifications" and ``nova/compute/utils.py`` (the unversioned ones); Neutron,
``neutron/api`` (``port.delete.end``); Octavia, "Event notifications"; Keystone, "Keystone Event Notifications" (CADF).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.domain.events import Event, Subject

_WORD: Final = 64
_ID: Final = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|[0-9A-Za-z_.:-]{1,64}")
_SERVER: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENDINGS: Final = frozenset({"end", "error"})
_LIVES: Final = frozenset(
    {
        *("create", "delete", "soft_delete", "restore", "evacuate", "rebuild"),
        *("power_off", "power_on", "shutdown", "pause", "unpause", "suspend", "resume"),
        *("shelve", "shelve_offload", "unshelve"),
    }
)
"""What is done to servers that changes whether they serve. ``update`` tells of states by itself."""
_GONE: Final = frozenset({"deleted", "updated", "disabled"})
"""What ends rights, or may: that a user was disabled is told as an update."""
_IDENTITIES: Final[Mapping[str, Subject]] = {
    "user": Subject.USER,
    "project": Subject.PROJECT,
    "credential": Subject.CREDENTIAL,
    "application_credential": Subject.CREDENTIAL,
    "OS-TRUST:trust": Subject.TRUST,
    "group": Subject.EVERYBODY,
    "domain": Subject.EVERYBODY,
}

Payload = Mapping[str, Any]


def event_of(kind: object, payload: object) -> Event | None:
    """What a notification tells; None where it is of no concern, or not to be read.

    Args:
        kind: its ``event_type``.
        payload: as it came, of any type.
    """
    if not isinstance(kind, str) or len(kind) > 2 * _WORD or not isinstance(payload, dict):
        return None
    for prefix, read in _READERS:
        if kind.startswith(prefix):
            return read(kind.removeprefix(prefix), payload)
    return None


def _versioned(kind: str, payload: Payload) -> Event | None:
    """``instance.delete.end`` without its first word."""
    data = _part(payload, "nova_object.data")
    if kind == "update":
        states = _part(_part(data, "state_update"), "nova_object.data")
        return _server(data.get("uuid")) if _moved(states) else None
    return _server(data.get("uuid")) if _is_life(kind) else None


def _unversioned(kind: str, payload: Payload) -> Event | None:
    if kind == "update":
        return _server(payload.get("instance_id")) if _moved(payload) else None
    return _server(payload.get("instance_id")) if _is_life(kind) else None


def _build(_kind: str, payload: Payload) -> Event | None:
    """No host took it: Nova tells that by its conductor."""
    return _server(_part(payload, "nova_object.data").get("instance_uuid") or payload.get("instance_id"))


def _port(_kind: str, payload: Payload) -> Event | None:
    found = _part(payload, "port").get("device_id")
    return Event(Subject.PORT, found) if isinstance(found, str) and _SERVER.fullmatch(found) else None


def _balancer(kind: str, payload: Payload) -> Event | None:
    """Nothing is told of members, nor how one fares; by the end of a balancer its pools are gone."""
    return _about(Subject.BALANCER, payload.get("project_id")) if kind in {"update.end", "delete.end"} else None


def _identity(kind: str, payload: Payload) -> Event | None:
    noun, _, happened = kind.rpartition(".")
    if noun == "role_assignment" and happened == "deleted":
        return _about(Subject.USER, payload.get("user")) or Event(Subject.EVERYBODY)
    subject = _IDENTITIES.get(noun)
    if subject is None or happened not in _GONE:
        return None
    return Event(subject) if subject is Subject.EVERYBODY else _about(subject, payload.get("resource_info"))


_READERS: Final[tuple[tuple[str, Callable[[str, Payload], Event | None]], ...]] = (
    ("instance.", _versioned),
    ("compute.instance.", _unversioned),
    ("compute_task.build_instances", _build),
    ("port.delete.end", _port),
    ("octavia.loadbalancer.", _balancer),
    ("identity.", _identity),
)


def _is_life(kind: str) -> bool:
    done, _, phase = kind.partition(".")
    return done in _LIVES and phase in _ENDINGS


def _moved(states: Payload) -> bool:
    """Whether the state is another one. The steps between, seven of each launch, are no news."""
    return states.get("old_state") != states.get("state")


def _server(found: object) -> Event | None:
    return Event(Subject.SERVER, found) if isinstance(found, str) and _SERVER.fullmatch(found) else None


def _about(subject: Subject, found: object) -> Event | None:
    return Event(subject, found) if isinstance(found, str) and _ID.fullmatch(found) else None


def _part(payload: Payload, name: str) -> Payload:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}
