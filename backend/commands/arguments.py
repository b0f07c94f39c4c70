"""The command line's words: what can be asked for, with what. Does nothing of it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from backend.clock import SystemClock


def parser() -> argparse.ArgumentParser:
    """Reads ``command`` and what belongs to it."""
    known = argparse.ArgumentParser(prog="wsgi.py", description="AWS Auto Scaling for OpenStack clouds.")
    commands = known.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="gateway and engine on one machine, embedded state and simulated cloud")
    run.add_argument("--host", default="127.0.0.1")
    run.add_argument("--port", type=int, default=8080, help="0: any that is free (coppice.env in the state tells it)")
    run.add_argument("--state", type=Path, default=Path(".coppice"), help="folder of databases, keys and logs")
    run.add_argument("--boot-seconds", type=float, help="how long a simulated server takes to boot")
    commands.add_parser("serve", help="the gateway alone (replaces this process by gunicorn)").add_argument(
        "--bind", default="0.0.0.0:8080"
    )
    commands.add_parser("engine", help="one engine")
    grant = commands.add_parser("grant", help="let Coppice act in your OpenStack project")
    grant.add_argument("--cloud", required=True, help="entry of clouds.yaml with your own login and project")
    grant.add_argument("--clouds-file", default="", help="path of that file (default: where OpenStack's clients look)")
    grant.add_argument("--trustee", help="id of Coppice's service user (default: that of the configuration)")
    grant.add_argument("--role", default="member", help="the role it may act with (default: member)")
    grant.add_argument("--expires", type=_instant, help="when it ends: 2027-01-31, 2027-01-31T12:00 (UTC)")
    grant.add_argument(
        "--application-credential",
        action="store_true",
        help="by an application credential, sealed in Coppice's database (default: by a trust, which nobody keeps)",
    )
    grant.add_argument("--revoke", action="store_true", help="take back what was granted")
    commands.add_parser("key", help="print a new key for [secrets]")
    commands.add_parser("reseal", help="seal every secret in the database with the first key of [secrets]")
    commands.add_parser("migrate", help="bring the database to the present schema")
    unowned = commands.add_parser("orphans", help="list what belongs to no group, or let it go")
    found = unowned.add_mutually_exclusive_group()
    found.add_argument("--release", metavar="PROJECT[/REGION]", help="end what the project has of it now")
    found.add_argument("--look", metavar="PROJECT/REGION", help="look at a project that has no group")
    return known


def _instant(text: str) -> datetime:
    """A time to come; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date: 2027-01-31, 2027-01-31T12:00") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= SystemClock().now():
        raise argparse.ArgumentTypeError(f"{text} is past")
    return at
