"""What one kind of request costs inside a gateway process, by function: ``hotpaths.py describe-100``.

The whole WSGI application answers signed requests in this process, under cProfile; gunicorn and sockets are left out.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import logging
import os
import pstats
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import seeding  # puts the tree on the path
from peers import ROOT
from signing import AUTOSCALING, EC2, Target, signed

from backend.clock import SystemClock
from backend.domain.scope import Scope
from backend.store.session import Store

GROUPS = 100
_ONE = {"AutoScalingGroupNames.member.1": "group-00000"}
KINDS: dict[str, tuple[str, list[dict[str, str]], int]] = {
    "security-groups": ("DescribeSecurityGroups", [{}], 20),
    "subnets": ("DescribeSubnets", [{}], 100),
    "describe-1": ("DescribeAutoScalingGroups", [_ONE], 2000),
    "describe-100": ("DescribeAutoScalingGroups", [{"MaxRecords": "100"}], 100),
    "set-same": ("SetDesiredCapacity", [{"AutoScalingGroupName": "group-00000", "DesiredCapacity": "10"}], 1000),
    "set-other": (
        "SetDesiredCapacity",
        [{"AutoScalingGroupName": "group-00000", "DesiredCapacity": size} for size in ("11", "10")],
        1000,
    ),
}

_OF_EC2 = {"DescribeSecurityGroups", "DescribeSubnets"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--top", type=int, default=25, help="functions shown")
    parser.add_argument("--by", default="tottime", help="tottime or cumtime")
    chosen = parser.parse_args()
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hot-", dir=ROOT / "build") as folder:
        application, target = _application(Path(folder) / "state")
        for kind in chosen.kinds:
            _profile(kind, application, target, chosen.top, chosen.by)


def _application(state: Path) -> tuple[Callable[..., Any], Target]:
    """The gateway over a seeded state."""
    seeding.seed(state, 1, GROUPS, 10)
    os.environ["OS_DEFAULT__STATE"] = str(state)
    import network_rows

    import wsgi
    from gateway import gunicorn

    network_rows.write(
        Store(f"sqlite:///{state}/coppice.db", SystemClock(), durable=False), Scope(seeding.OWNER, seeding.REGION)
    )
    url = "http://127.0.0.1:8080"
    wsgi.keys.keep(state / "coppice.env", url, seeding.REGION)
    found = dict(re.findall(r"^export (\w+)=['\"]?([^'\"\n]*)", (state / "coppice.env").read_text(), re.MULTILINE))
    application = wsgi.create_gateway()
    gunicorn.post_worker_init(None)
    for handler in logging.getLogger().handlers:  # written all the same, to nowhere
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for as long as the process lives
    return application, Target(url, found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])


def _profile(kind: str, application: Callable[..., Any], target: Target, top: int, by: str) -> None:
    action, parameters, times = KINDS[kind]
    service = EC2 if action in _OF_EC2 else AUTOSCALING
    requests = [_environ(signed(target, action, one, service)) for one in parameters]

    def ask(number: int) -> None:
        environ, body = requests[number % len(requests)]
        status: list[str] = []
        answer = application({**environ, "wsgi.input": io.BytesIO(body)}, lambda text, _: status.append(text))
        document = b"".join(answer)
        if not status[0].startswith("200"):
            raise SystemExit(f"{kind}: {status[0]}\n{document.decode()}")

    for number in range(20):
        ask(number)
    begun = time.process_time()  # what else the machine does counts less so
    for number in range(times):
        ask(number)
    each = (time.process_time() - begun) / times
    profile = cProfile.Profile()
    profile.enable()
    for number in range(times):
        ask(number)
    profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats(by).print_stats(top)
    lines = [line for line in text.getvalue().replace(f"{ROOT}/", "").splitlines() if line.strip()]
    print(
        f"\n{kind}: {each * 1000:.3f} ms of a processor a request, without profiler\n" + "\n".join(lines[1:]),
        flush=True,
    )


def _environ(raw: bytes) -> tuple[dict[str, Any], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "RAW_URI": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for line in head.decode().split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ, body


if __name__ == "__main__":
    main()
