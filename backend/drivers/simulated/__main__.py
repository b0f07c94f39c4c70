"""Make things go wrong in a simulated cloud that is running.

    python -m backend.drivers.simulated STATEFILE COMMAND ...

    servers                       every server: id, project, zone, type, status
    stop|start|pause|error|lose-sight|recover|terminate|vanish SERVER...
                                  do that behind everybody's back; SERVER is i-... or the cloud's own id.
                                  error: it fails. terminate: it is deleted. vanish: it is gone without a trace.
    pool PROJECT NAME             make a pool with a load balancer (--port 80, --protocol HTTP, --region NAME,
                                  --no-monitor: nobody looks at its members, --no-balancer: it has no traffic)
    pools                         every pool: id, project, name, protocol and port, members
    members POOL                  its members: address and port, weight, health, the node they stand for
    member-down|member-up POOL MEMBER...
                                  its monitor finds them unhealthy, or as they are; MEMBER is an address or i-...
    drop-pool POOL...             they are deleted
    pool-busy                     changes of pools are refused for a while
    capacity ZONE NUMBER          the zone has room for that many servers (of one type: --type t3.micro)
    close-zone ZONE               the zone takes no new server
    quota PROJECT NUMBER          the project's quota of instances
    refuse ERROR                  launches are refused: NoCapacity, ImageNotFound, QuotaExceeded, NotAuthorized...
    unavailable [SECONDS]         the cloud does not answer
    lose-request, lose-answer     writes are not answered, before or after they had their effect
    boot-error TEXT, boot-hang, boot-slow SECONDS
                                  how new servers boot
    delay SECONDS, stale SECONDS  every call waits; listings lag behind
    faults                        what is set
    lift [NUMBER]                 end one of them, or all

Options of the faults: --times N (how often; boot faults count servers), --for SECONDS, and --zone, --type, --project,
--call NAME (as the drivers' ports name them: create, delete, list_changed...) to narrow where they hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from backend.clock import Clock, SystemClock
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth
from backend.drivers import errors
from backend.drivers.errors import PoolNotFound, QuotaExceeded, Refused, ServerNotFound
from backend.drivers.simulated.cloud import SimulatedCloud
from backend.drivers.simulated.faults import READS, WRITES, Effect, Where
from backend.drivers.simulated.operator import Operator
from backend.drivers.simulated.settable import CannotSet, check_region

_ON_SERVERS: dict[str, Callable[[Operator, str], None]] = {
    "stop": Operator.stop,
    "start": Operator.start,
    "pause": Operator.pause,
    "error": Operator.break_server,
    "lose-sight": Operator.lose_sight,
    "recover": Operator.recover,
    "terminate": Operator.terminate,
    "vanish": Operator.vanish,
}
_REFUSALS = {kind.__name__: kind for kind in Refused.__subclasses__()}
_ONCE = {Effect.LOSE_REQUEST, Effect.LOSE_ANSWER, Effect.BOOT_ERROR, Effect.BOOT_HANG}


def main(arguments: Sequence[str], out: TextIO, clock: Clock) -> int:
    """Run one command. Returns the exit status: 0, or 1 with the reason written."""
    asked = _parser().parse_args(arguments)
    if not Path(asked.state).is_file():
        out.write(f"there is no simulated cloud at {asked.state}\n")
        return 1
    simulated = SimulatedCloud.open(asked.state, clock)
    try:
        out.writelines(f"{line}\n" for line in _run(simulated, asked))
    except (ServerNotFound, PoolNotFound, CannotSet) as error:
        out.write(f"{error}\n")
        return 1
    finally:
        simulated.close()
    return 0


def _run(simulated: SimulatedCloud, asked: argparse.Namespace) -> Sequence[str]:
    if asked.command in _ON_SERVERS:
        for server in asked.servers:
            _ON_SERVERS[asked.command](simulated.operator, server)
        return [f"{asked.command}: {', '.join(asked.servers)}"]
    if asked.command in _ON_POOLS:
        return _ON_POOLS[asked.command](simulated, asked)
    if asked.command == "servers":
        return [
            f"i-{server.short_id}  {scope.project_id}  {server.zone}  {server.flavor}  {server.status}"
            for scope, server in simulated.operator.servers()
        ]
    if asked.command == "faults":
        return [str(fault) for fault in simulated.faults.active()]
    if asked.command == "lift":
        return [f"{simulated.faults.lift(asked.number)} lifted"]
    return [f"fault {_set(simulated, asked)} is set"]


def _make_pool(simulated: SimulatedCloud, asked: argparse.Namespace) -> Sequence[str]:
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
    return [made.id]


def _list_pools(simulated: SimulatedCloud, _asked: argparse.Namespace) -> Sequence[str]:
    pools = simulated.pools
    return [
        f"{pool.id}  {pool.project}  {pool.name}  {pool.protocol}:{pool.port}  {len(pools.members(pool.id))}"
        for pool in pools.all()
    ]


def _list_members(simulated: SimulatedCloud, asked: argparse.Namespace) -> Sequence[str]:
    return [
        f"{member.address}:{member.port}  {member.weight}  {member.health}  {member.owner or '-'}"
        for member in simulated.pools.members(asked.pool)
    ]


def _drop_pools(simulated: SimulatedCloud, asked: argparse.Namespace) -> Sequence[str]:
    for pool in asked.pools:
        simulated.pools.delete(pool)
    return [f"drop-pool: {', '.join(asked.pools)}"]


def _judge(simulated: SimulatedCloud, asked: argparse.Namespace) -> Sequence[str]:
    verdict = MemberHealth.UNHEALTHY if asked.command == "member-down" else None
    for member in asked.members:
        simulated.pools.judge(asked.pool, member, verdict)
    return [f"{asked.command}: {', '.join(asked.members)}"]


_ON_POOLS: dict[str, Callable[[SimulatedCloud, argparse.Namespace], Sequence[str]]] = {
    "pool": _make_pool,
    "pools": _list_pools,
    "members": _list_members,
    "drop-pool": _drop_pools,
    "member-down": _judge,
    "member-up": _judge,
}


def _set(simulated: SimulatedCloud, asked: argparse.Namespace) -> int:
    """Set the fault of that command; returns its number."""
    faults = simulated.faults
    effect = Effect(asked.command)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend.drivers.simulated",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("state", metavar="STATEFILE")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in _ON_SERVERS:
        commands.add_parser(name).add_argument("servers", metavar="SERVER", nargs="+")
    commands.add_parser("servers")
    _add_pools(commands)
    commands.add_parser("faults")
    commands.add_parser("lift").add_argument("number", metavar="NUMBER", type=int, nargs="?")
    for effect in Effect:
        _add_fault(commands.add_parser(effect.value), effect)
    return parser


def _add_pools(commands: Any) -> None:
    pool = commands.add_parser("pool")
    pool.add_argument("project", metavar="PROJECT")
    pool.add_argument("name", metavar="NAME")
    pool.add_argument("--port", type=int, default=80)
    pool.add_argument("--protocol", default="HTTP")
    pool.add_argument("--region")
    pool.add_argument("--no-monitor", dest="monitored", action="store_false")
    pool.add_argument("--no-balancer", dest="served", action="store_false")
    commands.add_parser("pools")
    commands.add_parser("members").add_argument("pool", metavar="POOL")
    commands.add_parser("drop-pool").add_argument("pools", metavar="POOL", nargs="+")
    for name in ("member-down", "member-up"):
        parser = commands.add_parser(name)
        parser.add_argument("pool", metavar="POOL")
        parser.add_argument("members", metavar="MEMBER", nargs="+")


def _add_fault(parser: argparse.ArgumentParser, effect: Effect) -> None:
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
        parser.add_argument("error", metavar="ERROR", choices=sorted(_REFUSALS))
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout, SystemClock()))
