"""Faults as data: what the cloud is to answer or let happen instead of the ordinary, kept with its state.

Every process that shares the state meets the same faults. A hook is the in-process way: code that a simulation runs
before and after each call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers import errors, terms
from backend.drivers.errors import Busy, CloudUnavailable, OutcomeUnknown, QuotaExceeded, Refused
from backend.drivers.simulated.settable import check
from backend.drivers.simulated.settings import SimulatedSettings
from backend.drivers.simulated.state import State, from_micros, to_micros

POOL_WRITES = ("add_members", "drain_members", "remove_members")
WRITES = (
    *("create", "delete", "start", "stop", "reboot", "suspend", "resume", "rebuild", "adopt", "tag"),
    *("create_server_group", "delete_server_group", "delete_ports", "register_image", "deregister_image"),
    *("set_options", "set_groups", "set_flavor", "set_user_data"),
    *("create_volume", "delete_volume", "attach_volume", "detach_volume", "modify_volume", "realize_volume"),
    *("create_snapshot", "delete_snapshot", "create_image", "describe_image"),
    *("delete_key_pair", "create_security_group", "delete_security_group", "change_rules"),
    *("create_list", "set_addresses", "delete_list"),
    *("make_vpc", "delete_vpc", "lead_out", "set_dns"),
    *("make_subnet", "join_subnet", "delete_subnet", "delete_networks", "add_extra_routes", "remove_extra_routes"),
    *("create_balancer", "change_balancer", "put_part", "remove_part", "delete_balancer"),
    *("put_endpoints", "remove_endpoints"),
    *("allocate_address", "release_address", "bind_address", "unbind_address"),
    *("create_interface", "delete_interface", "change_interface", "attach_interface", "detach_interface"),
    *POOL_WRITES,
)
MAKES = frozenset(
    {
        "add_extra_routes",
        "allocate_address",
        "create_interface",
        "create",
        "create_image",
        "create_list",
        "create_security_group",
        "create_server_group",
        "create_snapshot",
        "create_volume",
        "make_subnet",
        "make_vpc",
        "register_image",
    }
)
"""Those after which there is something in the region that was not there."""
DELETES = frozenset(
    {
        *("delete", "delete_server_group", "delete_ports", "deregister_image", "delete_volume", "detach_volume"),
        *("delete_snapshot", "delete_key_pair", "delete_security_group", "delete_list", "delete_vpc", "delete_subnet"),
        *("delete_networks", "delete_balancer", "remove_part", "remove_endpoints", "remove_members"),
        *("release_address", "delete_interface", "detach_interface"),
    }
)
"""What may come late: all else is done only while whoever asks holds what it is for."""
READS = (
    "occupied",
    "held_addresses",
    "extra_routes",
    "get",
    "list",
    "list_changed",
    "flavors",
    "quotas",
    "key_pairs",
    "zones",
    "server_groups",
    "loose_ports",
    "console",
    "volumes",
    "snapshots",
    "images",
    "networks",
    "subnets",
    "security_groups",
    "find_address",
    "find_interface",
    "holder",
    "find_security_group",
    "find_lists",
    "check_lists",
    "security_group_rules",
    "pools",
    "balancers",
    "listeners",
    "members",
    "find_vpc",
    "find_subnet",
    "tree",
    "idle",
    "loads",
)
_KNOWN = frozenset({*WRITES, *READS})
_HELD = frozenset(WRITES) - DELETES


class Moment(StrEnum):
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a port. ``name`` is the method's (``images`` for Images.list)."""

    name: str
    scope: Scope
    zone: str | None = None
    flavor: str | None = None
    image: str | None = None
    server: str | None = None
    count: int = 1


Hook = Callable[[Moment, Call], None]
"""Raises what the call is to raise: CloudUnavailable, Refused, OutcomeUnknown before it; OutcomeUnknown after it."""


class Effect(StrEnum):
    REFUSE = "refuse"
    UNAVAILABLE = "unavailable"
    LOSE_REQUEST = "lose-request"
    LOSE_ANSWER = "lose-answer"
    DELAY = "delay"
    BOOT_ERROR = "boot-error"
    BOOT_HANG = "boot-hang"
    BOOT_SLOW = "boot-slow"
    CAPACITY = "capacity"
    QUOTA = "quota"
    CLOSE_ZONE = "close-zone"
    STALE = "stale"
    POOL_BUSY = "pool-busy"


@dataclass(frozen=True, slots=True)
class Where:
    """Which calls a fault meets; None means any. ``calls`` are method names, none means the effect's usual ones."""

    calls: tuple[str, ...] = ()
    project: str | None = None
    region: str | None = None
    zone: str | None = None
    flavor: str | None = None
    image: str | None = None
    server: str | None = None

    def meets(self, call: Call) -> bool:
        return (
            (not self.calls or call.name in self.calls)
            and self.project in (None, call.scope.project_id)
            and self.region in (None, call.scope.region)
            and self.zone in (None, call.zone)
            and self.flavor in (None, call.flavor)
            and self.image in (None, call.image)
            and self.server in (None, call.server)
        )


ANYWHERE = Where()


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is set.

    Attributes:
        remaining: how often it still happens (boot faults count servers, others calls); None without end.
        until: when it ends by itself; None until lifted.
        details: the effect's own figures.
    """

    id: int
    effect: Effect
    where: Where
    details: dict[str, Any] = field(default_factory=dict)
    remaining: int | None = None
    until: datetime | None = None


class Faults:
    """The faults of one cloud.

    Setters return the fault's id; ``times`` and ``seconds`` end it, else lift() does. Each raises CannotSet for what
    the cloud does not have, and for figures that cannot be.
    """

    def __init__(self, state: State, clock: Clock, settings: SimulatedSettings) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self.hooks: list[Hook] = []

    def refuse(
        self, error: Refused, where: Where = ANYWHERE, *, times: int | None = None, seconds: float | None = None
    ) -> int:
        """Calls (create, unless ``where`` names others) answer that error and do nothing."""
        details: dict[str, Any] = {"error": type(error).__name__, "detail": error.detail}
        if isinstance(error, QuotaExceeded):
            details |= {"resource": error.resource, "requested": error.requested, "limit": error.limit}
        return self._add(Effect.REFUSE, _usually(where, ("create",)), details, times, seconds)

    def unavailable(self, where: Where = ANYWHERE, *, times: int | None = None, seconds: float | None = None) -> int:
        """Calls raise CloudUnavailable."""
        return self._add(Effect.UNAVAILABLE, where, {}, times, seconds)

    def lose_request(self, where: Where = ANYWHERE, *, times: int | None = 1, seconds: float | None = None) -> int:
        """Writes raise OutcomeUnknown and have no effect."""
        return self._add(Effect.LOSE_REQUEST, _usually(where, WRITES), {}, times, seconds)

    def lose_answer(self, where: Where = ANYWHERE, *, times: int | None = 1, seconds: float | None = None) -> int:
        """Writes take effect and then raise OutcomeUnknown."""
        return self._add(Effect.LOSE_ANSWER, _usually(where, WRITES), {}, times, seconds)

    def delay(
        self, by_seconds: float, where: Where = ANYWHERE, *, times: int | None = None, seconds: float | None = None
    ) -> int:
        """Calls let that much of the clock's time pass before anything happens."""
        return self._add(Effect.DELAY, where, {"seconds": by_seconds}, times, seconds)

    def boot_error(
        self, text: str, where: Where = ANYWHERE, *, times: int | None = 1, seconds: float | None = None
    ) -> int:
        """Servers made while it holds go to ERROR with that text instead of becoming ACTIVE."""
        return self._add(Effect.BOOT_ERROR, _usually(where, ("create",)), {"text": text}, times, seconds)

    def boot_hang(self, where: Where = ANYWHERE, *, times: int | None = 1, seconds: float | None = None) -> int:
        """Servers made while it holds stay BUILDING for ever."""
        return self._add(Effect.BOOT_HANG, _usually(where, ("create",)), {}, times, seconds)

    def boot_slow(
        self, to_seconds: float, where: Where = ANYWHERE, *, times: int | None = None, seconds: float | None = None
    ) -> int:
        """Servers made while it holds take that long to boot."""
        return self._add(Effect.BOOT_SLOW, _usually(where, ("create",)), {"seconds": to_seconds}, times, seconds)

    def capacity(self, zone: str, servers: int, *, flavor: str | None = None, seconds: float | None = None) -> int:
        """The zone has room for that many servers (of the flavor, if one is named) and refuses more with NoCapacity."""
        where = Where(calls=("create",), zone=zone, flavor=flavor)
        return self._add(Effect.CAPACITY, where, {"servers": servers}, None, seconds)

    def quota(self, project: str, instances: int, *, seconds: float | None = None) -> int:
        """The project's quota of instances in each region."""
        where = Where(calls=("create",), project=project)
        return self._add(Effect.QUOTA, where, {"instances": instances}, None, seconds)

    def close_zone(self, zone: str, *, seconds: float | None = None) -> int:
        """The zone is told as unavailable and takes no new server; those in it go on."""
        return self._add(Effect.CLOSE_ZONE, Where(zone=zone), {}, None, seconds)

    def stale(self, by_seconds: float, where: Where = ANYWHERE, *, seconds: float | None = None) -> int:
        """Listings tell the state as it was that long ago."""
        where = _usually(where, ("list", "list_changed"))
        return self._add(Effect.STALE, where, {"seconds": by_seconds}, None, seconds)

    def pool_busy(self, where: Where = ANYWHERE, *, times: int | None = None, seconds: float | None = None) -> int:
        """Changes of pools are refused: they are being changed for somebody else."""
        return self._add(Effect.POOL_BUSY, _usually(where, POOL_WRITES), {}, times, seconds)

    def lift(self, fault_id: int | None = None) -> int:
        """End one fault, or all of them. Returns how many ended."""
        with self._state.writing() as connection:
            if fault_id is None:
                return connection.execute("DELETE FROM faults").rowcount
            return connection.execute("DELETE FROM faults WHERE id = ?", (fault_id,)).rowcount

    def active(self) -> Sequence[Fault]:
        """Those that hold now, newest first."""
        with self._state.reading() as connection:
            rows = connection.execute(
                "SELECT id, effect, conditions, details, remaining, until_at FROM faults"
                " WHERE until_at IS NULL OR until_at > ? ORDER BY id DESC",
                (to_micros(self._clock.now()),),
            ).fetchall()
        return [_fault(row) for row in rows]

    def meeting(self, call: Call, *effects: Effect) -> Iterator[Fault]:
        """The faults of those effects that meet the call, newest first."""
        return (fault for fault in self.active() if fault.effect in effects and fault.where.meets(call))

    def spend(self, fault: Fault, at_most: int = 1) -> int:
        """Use it up to so many times. Returns how many times it could be: another process may have been quicker."""
        if fault.remaining is None:
            return at_most
        with self._state.writing() as connection:
            row = connection.execute("SELECT remaining FROM faults WHERE id = ?", (fault.id,)).fetchone()
            used = min(at_most, row[0]) if row else 0
            connection.execute("UPDATE faults SET remaining = remaining - ? WHERE id = ?", (used, fault.id))
            connection.execute("DELETE FROM faults WHERE id = ? AND remaining <= 0", (fault.id,))
        return used

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        """Let the block be the call: faults and hooks act before it and, when it succeeded, after it.

        Raises:
            CloudUnavailable, OutcomeUnknown, Refused: as the faults say.
        """
        lost_answer = self._before(call)
        for hook in self.hooks:
            hook(Moment.BEFORE, call)
        if call.name in _HELD:
            terms.check()
        yield
        if lost_answer is not None and self.spend(lost_answer):
            raise OutcomeUnknown(f"no answer to {call.name}")
        for hook in self.hooks:
            hook(Moment.AFTER, call)

    def _before(self, call: Call) -> Fault | None:
        """Act out what comes before the effect; returns the fault that comes after it."""
        lost_answer = None
        for fault in self.active():
            if not fault.where.meets(call):
                continue
            if fault.effect is Effect.LOSE_ANSWER:
                lost_answer = fault
            elif fault.effect is Effect.DELAY and self.spend(fault):
                self._clock.wait(fault.details["seconds"])
            elif fault.effect in _RAISING and self.spend(fault):
                raise _raised(fault, call)
        return lost_answer

    def _add(
        self, effect: Effect, where: Where, details: dict[str, Any], times: int | None, seconds: float | None
    ) -> int:
        with self._state.reading() as connection:
            types = frozenset(row[0] for row in connection.execute("SELECT name FROM flavors"))
        check(self._settings, where, details, times, seconds, known=_KNOWN, types=types)
        now = to_micros(self._clock.now())
        until = None if seconds is None else now + round(seconds * 1e6)
        with self._state.writing() as connection:
            connection.execute("DELETE FROM faults WHERE until_at <= ?", (now,))
            cursor = connection.execute(
                "INSERT INTO faults (effect, conditions, details, remaining, until_at) VALUES (?, ?, ?, ?, ?)",
                (effect, json.dumps(asdict(where)), json.dumps(details), times, until),
            )
        return cursor.lastrowid or 0


_RAISING = (Effect.REFUSE, Effect.UNAVAILABLE, Effect.LOSE_REQUEST, Effect.POOL_BUSY)


def _usually(where: Where, calls: tuple[str, ...]) -> Where:
    """The same place with those calls, unless it names its own."""
    return where if where.calls else Where(**(asdict(where) | {"calls": calls}))


def _fault(row: tuple[Any, ...]) -> Fault:
    identity, effect, conditions, details, remaining, until = row
    where = json.loads(conditions)
    where["calls"] = tuple(where["calls"])
    ends = None if until is None else from_micros(until)
    return Fault(identity, Effect(effect), Where(**where), json.loads(details), remaining, ends)


def _raised(fault: Fault, call: Call) -> errors.CloudError:
    if fault.effect is Effect.UNAVAILABLE:
        return CloudUnavailable("the cloud does not answer")
    if fault.effect is Effect.LOSE_REQUEST:
        return OutcomeUnknown(f"no answer to {call.name}")
    if fault.effect is Effect.POOL_BUSY:
        return Busy("The pool is immutable and cannot be updated.")
    kind: type[Refused] = getattr(errors, fault.details["error"])
    if issubclass(kind, QuotaExceeded):
        requested = fault.details["requested"] or call.count
        return kind(fault.details["resource"], requested, fault.details["limit"], fault.details["detail"])
    return kind(fault.details["detail"])
