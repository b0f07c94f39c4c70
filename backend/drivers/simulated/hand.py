"""An operator's hand on a simulated cloud: what can be asked for, and how it is carried out. Opens no cloud itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from backend.domain.node import Notice
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth
from backend.drivers import errors
from backend.drivers.errors import PoolNotFound, QuotaExceeded, Refused, ServerNotFound, VolumeNotFound
from backend.drivers.simulated.cloud import SimulatedCloud
from backend.drivers.simulated.faults import READS, WRITES, Effect, Where
from backend.drivers.simulated.loads import script_of
from backend.drivers.simulated.operator import Operator
from backend.drivers.simulated.settable import MOST_SECONDS, CannotSet, check_region

REFUSALS: Final = (ServerNotFound, VolumeNotFound, PoolNotFound, CannotSet)
Told = str | Sequence[Mapping[str, Any]]
"""A sentence, or a listing: one mapping a row, columns in their order."""


@dataclass(frozen=True, slots=True)
class Order:
    """One thing that can be asked for.

    Attributes:
        help: what it does, in a line.
        arguments: makes its arguments known.
        do: carries it out, and tells what came of it.
        looks: it changes nothing.
    """

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    do: Callable[[SimulatedCloud, argparse.Namespace], Told]
    looks: bool = False


def carry_out(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    """What came of the order ``asked.command``. Raises one of REFUSALS."""
    return ORDERS[asked.command].do(simulated, asked)


_ON_SERVERS: Final[Mapping[str, Callable[[Operator, str], None]]] = {
    "stop": Operator.stop,
    "start": Operator.start,
    "pause": Operator.pause,
    "error": Operator.break_server,
    "lose-sight": Operator.lose_sight,
    "recover": Operator.recover,
    "recommend-rebalance": lambda operator, server: operator.notify(server, Notice.REBALANCE),
    "interrupt": lambda operator, server: operator.notify(server, Notice.INTERRUPTION),
    "withdraw-notice": lambda operator, server: operator.notify(server, None),
    "terminate": Operator.terminate,
    "vanish": Operator.vanish,
    "break-volume": Operator.break_volume,
    "mend-volume": lambda operator, volume: operator.break_volume(volume, broken=False),
}
_REFUSED: Final = {kind.__name__: kind for kind in Refused.__subclasses__()}
_ONCE: Final = {Effect.LOSE_REQUEST, Effect.LOSE_ANSWER, Effect.BOOT_ERROR, Effect.BOOT_HANG}


def _act(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    for server in asked.servers:
        _ON_SERVERS[asked.command](simulated.operator, server)
    return f"{asked.command}: {', '.join(asked.servers)}"


def _list_servers(simulated: SimulatedCloud, _asked: argparse.Namespace) -> Told:
    return [
        {
            "server": f"i-{server.short_id}",
            "project": scope.project_id,
            "zone": server.zone,
            "type": server.flavor,
            "status": str(server.status),
        }
        for scope, server in simulated.operator.servers()
    ]


def _list_faults(simulated: SimulatedCloud, _asked: argparse.Namespace) -> Told:
    return [{"fault": str(fault)} for fault in simulated.faults.active()]


def _lift(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    return f"{simulated.faults.lift(asked.number)} lifted"


def _set_fault(effect: Effect, simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    return f"fault {_set(effect, simulated, asked)} is set"


def _make_pool(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    region = asked.region or simulated.settings.regions[0]
    check_region(simulated.settings, region)
    if not 1 <= asked.port <= 65535:
        raise CannotSet(f"{asked.port} is no port")
    scope = Scope(asked.project, region)
    made = simulated.pools.create(
        scope,
        asked.name,
        protocol=asked.protocol,
        port=asked.port,
        monitored=asked.monitored,
        served=asked.served,
    )
    return made.id


def _list_pools(simulated: SimulatedCloud, _asked: argparse.Namespace) -> Told:
    pools = simulated.pools
    return [
        {
            "pool": pool.id,
            "project": pool.project,
            "name": pool.name,
            "listens": f"{pool.protocol}:{pool.port}",
            "members": len(pools.members(pool.id)),
        }
        for pool in pools.all()
    ]


def _list_members(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    return [
        {
            "member": f"{member.address}:{member.port}",
            "weight": member.weight,
            "health": str(member.health),
            "node": member.owner or "-",
        }
        for member in simulated.pools.members(asked.pool)
    ]


def _drop_pools(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    for pool in asked.pools:
        simulated.pools.delete(pool)
    return f"drop-pool: {', '.join(asked.pools)}"


def _list_loads(simulated: SimulatedCloud, _asked: argparse.Namespace) -> Told:
    return simulated.loads.all()


def _put_load(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    if asked.every is not None and not 0 < asked.every <= MOST_SECONDS:
        raise CannotSet(f"a load cannot begin again after {asked.every:g} seconds")
    simulated.loads.put(asked.group, script_of(" ".join(asked.points)), asked.every, asked.project)
    return f"load: {asked.group}"


def _drop_load(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    if not simulated.loads.drop(asked.group, asked.project):
        raise CannotSet(f"{asked.group} has no load")
    return f"drop-load: {asked.group}"


def _judge(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    verdict = MemberHealth.UNHEALTHY if asked.command == "member-down" else None
    for member in asked.members:
        simulated.pools.judge(asked.pool, member, verdict)
    return f"{asked.command}: {', '.join(asked.members)}"


def _set(effect: Effect, simulated: SimulatedCloud, asked: argparse.Namespace) -> int:
    """Set the fault of that effect; returns its number."""
    faults = simulated.faults
    if effect is Effect.CAPACITY:
        return faults.capacity(asked.zone, asked.number, flavor=asked.type, seconds=asked.seconds)
    if effect is Effect.CLOSE_ZONE:
        return faults.close_zone(asked.zone, seconds=asked.seconds)
    if effect is Effect.QUOTA:
        return faults.quota(asked.project, asked.number, seconds=asked.seconds)
    where = Where(calls=tuple(asked.calls), project=asked.project, zone=asked.zone, flavor=asked.type)
    if effect is Effect.STALE:
        return faults.stale(asked.amount, where, seconds=asked.seconds)
    times = 1 if asked.times is None and effect in _ONCE else asked.times
    if effect is Effect.UNAVAILABLE:
        return faults.unavailable(where, times=times, seconds=asked.amount or asked.seconds)
    if effect is Effect.REFUSE:
        return faults.refuse(_refusal(asked.error), where, times=times, seconds=asked.seconds)
    if effect is Effect.BOOT_ERROR:
        return faults.boot_error(asked.text, where, times=times, seconds=asked.seconds)
    if effect in (Effect.DELAY, Effect.BOOT_SLOW):
        setter = faults.delay if effect is Effect.DELAY else faults.boot_slow
        return setter(asked.amount, where, times=times, seconds=asked.seconds)
    plain = {
        Effect.LOSE_REQUEST: faults.lose_request,
        Effect.LOSE_ANSWER: faults.lose_answer,
        Effect.BOOT_HANG: faults.boot_hang,
        Effect.POOL_BUSY: faults.pool_busy,
    }
    return plain[effect](where, times=times, seconds=asked.seconds)


def _refusal(name: str) -> Refused:
    kind: type[Refused] = getattr(errors, name)
    if issubclass(kind, QuotaExceeded):
        return kind("instances", 0, -1, "Quota exceeded for instances.")
    return kind(f"{name}: set by the operator of the simulated cloud.")


def _fault_arguments(effect: Effect, parser: argparse.ArgumentParser) -> None:
    """What the command of an effect takes: its own figures, then what narrows it."""
    parser.add_argument("--for", dest="seconds", metavar="SECONDS", type=float)
    placed = (Effect.CAPACITY, Effect.CLOSE_ZONE, Effect.QUOTA)
    if effect in (Effect.CAPACITY, Effect.CLOSE_ZONE):
        parser.add_argument("zone", metavar="ZONE")
    if effect is Effect.QUOTA:
        parser.add_argument("project", metavar="PROJECT")
    if effect in (Effect.CAPACITY, Effect.QUOTA):
        parser.add_argument("number", metavar="NUMBER", type=int)
    if effect is Effect.REFUSE:
        parser.add_argument("error", metavar="ERROR", choices=sorted(_REFUSED))
    if effect is Effect.BOOT_ERROR:
        parser.add_argument("text", metavar="TEXT")
    if effect in (Effect.DELAY, Effect.BOOT_SLOW, Effect.STALE):
        parser.add_argument("amount", metavar="SECONDS", type=float)
    if effect is Effect.UNAVAILABLE:
        parser.add_argument("amount", metavar="SECONDS", type=float, nargs="?")
    if effect is Effect.CAPACITY:
        parser.add_argument("--type", metavar="TYPE")
    if effect not in placed:
        parser.add_argument("--zone", metavar="ZONE")
        parser.add_argument("--type", metavar="TYPE")
        parser.add_argument("--project", metavar="PROJECT")
        parser.add_argument("--call", dest="calls", metavar="NAME", action="append", default=[], choices=WRITES + READS)
    if effect not in placed and effect is not Effect.STALE:
        parser.add_argument("--times", metavar="N", type=int)


def _none(_parser: argparse.ArgumentParser) -> None:
    """It takes no arguments."""


def _servers_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("servers", metavar="SERVER", nargs="+", help="i-... or the cloud's own id")


def _lift_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", metavar="NUMBER", type=int, nargs="?", help="of the fault (default: all of them)")


def _pool_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--protocol", default="HTTP")
    parser.add_argument("--region")
    parser.add_argument("--no-monitor", dest="monitored", action="store_false", help="nobody looks at its members")
    parser.add_argument("--no-balancer", dest="served", action="store_false", help="it has no traffic")


def _members_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", metavar="POOL")


def _pools_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pools", metavar="POOL", nargs="+")


def _group_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("group", metavar="GROUP", help="name of the Auto Scaling group")
    parser.add_argument("--project", metavar="PROJECT", help="of that project alone")


def _load_arguments(parser: argparse.ArgumentParser) -> None:
    _group_arguments(parser)
    parser.add_argument(
        "points",
        metavar="SECOND:PERCENT",
        nargs="+",
        help="what there is to do then, from now on, in per cent of one server; in between it runs straight",
    )
    parser.add_argument("--every", metavar="SECONDS", type=float, help="it begins again after so long")


def _judge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", metavar="POOL")
    parser.add_argument("members", metavar="MEMBER", nargs="+", help="an address or i-...")


_ACTS: Final = {
    "stop": "shut servers down, as their own operating system would",
    "start": "start servers",
    "pause": "pause servers",
    "error": "let servers fail",
    "lose-sight": "let the hosts of servers report no more",
    "recover": "servers are active again, whatever they were",
    "recommend-rebalance": "tell that servers are likely to be taken back",
    "interrupt": "tell that servers are taken back in a few minutes",
    "withdraw-notice": "tell that servers are not taken back after all",
    "terminate": "delete servers behind everybody's back",
    "vanish": "let servers be gone without a trace",
    "break-volume": "let volumes be in error",
    "mend-volume": "volumes are whole again",
}
_EFFECTS: Final = {
    Effect.CAPACITY: "a zone has room for so many servers",
    Effect.CLOSE_ZONE: "a zone takes no new server",
    Effect.QUOTA: "a project's quota of instances",
    Effect.REFUSE: "launches are refused",
    Effect.UNAVAILABLE: "the cloud does not answer",
    Effect.LOSE_REQUEST: "writes are not answered, and had no effect",
    Effect.LOSE_ANSWER: "writes are not answered, though they had their effect",
    Effect.BOOT_ERROR: "new servers fail in their boot, with that text",
    Effect.BOOT_HANG: "new servers never come up",
    Effect.BOOT_SLOW: "new servers take so long to boot",
    Effect.DELAY: "every call waits",
    Effect.STALE: "listings lag behind",
    Effect.POOL_BUSY: "changes of pools are refused",
}

ORDERS: Final[Mapping[str, Order]] = {
    "servers": Order("every server: id, project, zone, type, status", _none, _list_servers, looks=True),
    **{name: Order(text, _servers_arguments, _act) for name, text in _ACTS.items()},
    "pool": Order("make a pool with a load balancer", _pool_arguments, _make_pool),
    "pools": Order("every pool: id, project, name, protocol and port, members", _none, _list_pools, looks=True),
    "members": Order("a pool's members: address, weight, health, node", _members_arguments, _list_members, looks=True),
    "member-down": Order("the pool's monitor finds members unhealthy", _judge_arguments, _judge),
    "member-up": Order("the pool's monitor finds members as they are", _judge_arguments, _judge),
    "drop-pool": Order("delete pools", _pools_arguments, _drop_pools),
    "load": Order("what the servers of a group have to do and share, by time", _load_arguments, _put_load),
    "loads": Order("the loads that are set: group, project, per cent now, script", _none, _list_loads, looks=True),
    "drop-load": Order("a group has nothing to do that is told", _group_arguments, _drop_load),
    **{
        effect.value: Order(text, partial(_fault_arguments, effect), partial(_set_fault, effect))
        for effect, text in _EFFECTS.items()
    },
    "faults": Order("the faults that are set", _none, _list_faults, looks=True),
    "lift": Order("end a fault, or all of them", _lift_arguments, _lift),
}
"""Everything that can be asked for, by its word."""
