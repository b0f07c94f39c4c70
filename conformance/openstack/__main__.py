"""The test cloud's commands: ``python -m conformance.openstack up|down|status|restart|start|stop|kill|with``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from openstack.exceptions import SDKException

from conformance.openstack import balancers, lifecycle, notifying, peers, processes, readiness
from conformance.openstack.cloud import state_folder
from conformance.openstack.guests import host as guests
from conformance.openstack.installation import NotInstalled
from conformance.openstack.lifecycle import NotUp, Progress, UnknownService
from conformance.openstack.readiness import NotReady
from conformance.openstack.seeding import NotSeeded, report
from conformance.openstack.services import services
from conformance.openstack.settings import REGIONS, Mismatch, Settings, settle


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it did what it says, 1 with the reason on standard error if not."""
    given = _parser().parse_args(arguments)
    try:
        settings = settle(given.state, getattr(given, "port_base", None), getattr(given, "regions", None))
        if given.command == "status":
            return _status(settings)
        if given.command == "with":
            with _beside(settings, given.peer):
                return subprocess.run(given.program, check=False).returncode
        with lifecycle.alone(settings):
            _act(given, settings)
    except (Mismatch, NotInstalled, NotReady, NotSeeded, NotUp, UnknownService, SDKException) as reason:
        print(f"openstack {given.command}: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: what was started runs on; `up` goes on from here, `down` ends it", file=sys.stderr)
        return 130
    return 0


def _beside(settings: Settings, name: str) -> AbstractContextManager[None]:
    match name:
        case "balancers":
            return balancers.running(settings)
        case guests.NAME:
            return guests.running(settings)
        case notifying.NAME:
            return notifying.running(settings)
        case peer:
            return peers.running(settings, peer, {})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m conformance.openstack", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", type=Path, default=state_folder(), help="its folder (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", parents=[common], help="install, start and seed what is not yet")
    up.add_argument("--port-base", type=int, help="first of its ports on 127.0.0.1")
    most = range(1, len(REGIONS) + 1)
    up.add_argument("--regions", type=int, choices=most, help="how many; a running cloud gets what it lacks")
    down = commands.add_parser("down", parents=[common], help="stop all")
    down.add_argument("--wipe", action="store_true", help="delete its data too, but not the installed packages")
    commands.add_parser("status", parents=[common], help="what runs; exit status 1 unless all of it is ready")
    beside = commands.add_parser(
        "with",
        parents=[common],
        help="run a command while one more service runs, balancers forward, servers run or Nova tells of events",
    )
    beside.add_argument("peer", choices=sorted({*peers.CATALOG, "balancers", guests.NAME, notifying.NAME}))
    beside.add_argument("program", nargs=argparse.REMAINDER, metavar="COMMAND")
    for name, words in (
        ("start", "start services and wait until they are ready"),
        ("stop", "stop services and what they forked"),
        ("kill", "kill -9 services and what they forked"),
        ("restart", "stop, start and wait until they are ready"),
    ):
        command = commands.add_parser(name, parents=[common], help=words)
        command.add_argument("names", nargs="+", metavar="NAME")
    return parser


def _act(given: argparse.Namespace, settings: Settings) -> None:
    match given.command:
        case "up":
            lifecycle.up(settings, Progress())
            print(report(settings))
        case "down":
            lifecycle.down(settings)
            if given.wipe:
                lifecycle.wipe(settings)
        case command:
            several = lifecycle.named(settings, given.names)
            if command in {"stop", "restart"}:
                lifecycle.stop(settings, several)
            if command == "kill":
                lifecycle.kill(settings, several)
            if command in {"start", "restart"}:
                lifecycle.resume(settings, several)


def _status(settings: Settings) -> int:
    good = True
    for service in services(settings):
        led = processes.leader(settings.run, service.name)
        pids = processes.members(led) if led else []
        if led is None:
            state = "stopped"
        elif not processes.alive(led):
            state = "died"
        else:
            state = "ready" if readiness.ready(settings, service, led) else "not ready"
        good = good and state == "ready"
        port = settings.port(service.port) if service.port else "-"
        memory = f"{processes.memory_kib(pids) // 1024} MiB"
        print(f"{service.name:20} {state:10} {port:>6} {len(pids):3} processes {memory:>9}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
