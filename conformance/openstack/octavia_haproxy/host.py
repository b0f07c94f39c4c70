"""The host that runs the balancers: for each amphora its addresses in a network namespace, its HAProxy, its heartbeats.

It does what an amphora's own agent does: checks a configuration before it is taken, saves the servers' health over a
reload, and tells Octavia's health manager once a second what HAProxy says of listeners, pools and members.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from octavia.amphorae.backends.health_daemon import health_daemon, health_sender
from octavia.amphorae.backends.utils.haproxy_query import HAProxyQuery
from octavia.common import config
from octavia_haproxy import SOCKET
from oslo_config import cfg
from oslo_log import log as logging

_HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "haproxy"
_BEAT_SECONDS = 1.0
_START_SECONDS = 20
_END_SECONDS = 5
_ASKED = frozenset({"version", "plug", "configure", "load", "end", "forget", "certify", "uncertify"})
_LOG = logging.getLogger(__name__)


class Refused(Exception):
    """It cannot be done; the words go back to Octavia."""


class Host:
    """All amphorae of one test cloud.

    Args:
        folder: what it keeps: a file for each amphora, a folder for each balancer.
        namespace: the network namespace in which balancers and members are.
    """

    def __init__(self, folder: Path, namespace: str) -> None:
        self._folder = folder
        (folder / "amphorae").mkdir(parents=True, exist_ok=True)
        self._inside = ("ip", "netns", "exec", namespace)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.RLock()
        self._beats = 0
        self._certificates = Path(cfg.CONF.haproxy_amphora.base_cert_dir)

    def end_all(self) -> None:
        with self._lock:
            for amphora in list(self._running):
                self._stop(amphora)

    # What Octavia asks for.

    def version(self) -> str:
        said = subprocess.run((_HAPROXY, "-v"), capture_output=True, text=True, check=True).stdout
        return said.split()[2]

    def plug(self, amphora: str, addresses: list[str]) -> None:
        with self._lock:
            kept = self._kept(amphora)
            for address in addresses:
                self._ip("replace", address)
            self._keep(amphora, {**kept, "addresses": sorted({*kept["addresses"], *addresses})})

    def configure(self, amphora: str, balancer: str, config: str) -> None:
        """Take a configuration that HAProxy takes; else the one it had stays."""
        with self._lock:
            file = self._file(balancer)
            file.parent.mkdir(parents=True, exist_ok=True)
            wanted = file.with_suffix(".wanted")
            wanted.write_text(config)
            checked = subprocess.run((_HAPROXY, "-c", "-q", "-f", str(wanted)), capture_output=True, check=False)
            if checked.returncode != 0:
                raise Refused(checked.stderr.decode(errors="replace")[-2000:])
            wanted.replace(file)
            self._keep(amphora, {**self._kept(amphora), "balancer": balancer})

    def load(self, amphora: str, balancer: str) -> None:
        """Start HAProxy with its configuration; one that runs goes over to it without losing a connection."""
        with self._lock:
            process = self._running.get(amphora)
            if process is not None and process.poll() is None:
                HAProxyQuery(self._socket(balancer)).save_state(str(self._file(balancer).with_name("servers-state")))
                process.send_signal(signal.SIGUSR2)
                return
            command = (*self._inside, _HAPROXY, "-Ws", "-f", str(self._file(balancer)))
            self._running[amphora] = process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            deadline = time.monotonic() + _START_SECONDS
            while not self._answers(balancer):
                if process.poll() is not None or time.monotonic() > deadline:
                    self._stop(amphora)
                    raise Refused(f"HAProxy of {balancer} did not start: see the log of octavia-host")
                time.sleep(0.05)

    def end(self, amphora: str) -> None:
        """Stop HAProxy: the last listener is gone."""
        with self._lock:
            self._stop(amphora)
            kept = self._kept(amphora)
            if kept["balancer"]:
                shutil.rmtree(self._file(kept["balancer"]).parent, ignore_errors=True)
            self._keep(amphora, {**kept, "balancer": None})

    def forget(self, amphora: str) -> None:
        """The amphora is deleted, with all it has."""
        with self._lock:
            balancer = self._kept(amphora)["balancer"]
            self.end(amphora)
            for address in self._kept(amphora)["addresses"]:
                self._ip("del", address)
            if balancer:
                shutil.rmtree(self._certificates / balancer, ignore_errors=True)
            self._record(amphora).unlink(missing_ok=True)

    def certify(self, balancer: str, name: str, pem: str) -> None:
        folder = self._certificates / balancer
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / name).write_text(pem)

    def uncertify(self, balancer: str, name: str) -> None:
        (self._certificates / balancer / name).unlink(missing_ok=True)

    def beats(self) -> list[dict[str, Any]]:
        """A heartbeat of each amphora whose HAProxy runs, or that has none yet."""
        with self._lock:
            kept = {amphora: self._kept(amphora)["balancer"] for amphora in self._amphorae()}
            alive = {amphora for amphora, process in self._running.items() if process.poll() is None}
        return [self._beat(amphora, balancer) for amphora, balancer in kept.items() if not balancer or amphora in alive]

    def _beat(self, amphora: str, balancer: str | None) -> dict[str, Any]:
        self._beats += 1
        message: dict[str, Any] = {"id": amphora, "seq": self._beats, "ver": health_daemon.MSG_VER}
        listeners: dict[str, Any] = {}
        stats, pools = health_daemon.get_stats(self._socket(balancer)) if balancer else ([], {})
        for row in stats:
            if row["svname"] == "FRONTEND":
                changes = health_daemon.calculate_stats_deltas(row["pxname"], row)
                counts = {"tx": changes["bout"], "rx": changes["bin"], "conns": int(row["scur"])}
                counts |= {"totconns": changes["stot"], "ereq": changes["ereq"]}
                listeners[row["pxname"]] = {"status": row["status"], "stats": counts}
        told = {name: {"status": pool["status"], "members": pool["members"]} for name, pool in pools.items()}
        return {**message, "listeners": listeners, "pools": told}

    def _stop(self, amphora: str) -> None:
        process = self._running.pop(amphora, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ip(self, what: str, address: str) -> None:
        bits = 128 if ":" in address else 32
        command = (*self._inside, "ip", "address", what, f"{address}/{bits}", "dev", "lo")
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0 and what != "del":
            raise Refused(done.stderr.decode(errors="replace"))

    def _answers(self, balancer: str) -> bool:
        try:
            return bool(HAProxyQuery(self._socket(balancer)).show_info())
        except Exception:  # noqa: BLE001 (its own way to say that nobody answers)
            return False

    def _amphorae(self) -> list[str]:
        return sorted(file.stem for file in (self._folder / "amphorae").glob("*.json"))

    def _record(self, amphora: str) -> Path:
        return self._folder / "amphorae" / f"{amphora}.json"

    def _kept(self, amphora: str) -> dict[str, Any]:
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads(self._record(amphora).read_text()))
        return {"addresses": [], "balancer": None}

    def _keep(self, amphora: str, kept: dict[str, Any]) -> None:
        self._record(amphora).write_text(json.dumps(kept) + "\n")

    def _file(self, balancer: str) -> Path:
        return self._folder / balancer / "haproxy.cfg"

    def _socket(self, balancer: str) -> str:
        return str(self._folder / f"{balancer}.sock")


def _beating(host: Host) -> None:
    sender = health_sender.UDPStatusSender()
    while True:
        try:
            for beat in host.beats():
                sender.dosend(beat)
        except Exception:  # noqa: BLE001 (the next one may be told again)
            _LOG.exception("no heartbeat")
        time.sleep(_BEAT_SECONDS)


def main() -> None:
    """``host.py NAMESPACE --config-file FILE...``: serve until SIGTERM."""
    namespace, *options = sys.argv[1:]
    config.init(options)
    folder = Path(cfg.CONF.haproxy_amphora.base_path)
    host = Host(folder, namespace)

    class Asked(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            given = json.loads(self.rfile.readline())
            what = given.pop("what")
            try:
                if what not in _ASKED:
                    raise Refused(f"nobody is asked for {what} here")
                answer = {"done": getattr(host, what)(**given)}
            except Exception as reason:  # noqa: BLE001 (all is told to Octavia)
                _LOG.exception(what)
                answer = {"refused": str(reason) or type(reason).__name__}
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        request_queue_size = 64

    path = folder / SOCKET
    path.unlink(missing_ok=True)
    threading.Thread(target=_beating, args=(host,), daemon=True).start()
    with Server(str(path), Asked) as server:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        print("The host of the balancers is ready", flush=True)
        server.serve_forever(poll_interval=0.2)
    host.end_all()
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
