"""A play with Ansible's amazon.aws: a stack made, nothing changed by a second run, and nothing left: `make ansible`.

Ansible is installed beside everything else, into a folder of its own: the package is large, and no test needs it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance import leaks
from conformance.product import ROOT, Access, make_product, until

HERE = Path(__file__).parent
MARK = "play"
_PLAY_SECONDS = 900
_TASK = re.compile(r"^TASK \[(.*)\]")
_CHANGED = re.compile(r"^changed: ")
_GONE_SECONDS = 30


class Failed(Exception):
    """What was not as it has to be."""


def main(arguments: list[str] | None = None) -> int:
    """Run the play against a server that is started for it; 0 if all was as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m conformance.ansible", description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=ROOT / "build" / "ansible", help="where Ansible is, or comes to be"
    )
    given = parser.parse_args(arguments)
    try:
        ansible = installed(given.into)
        with tempfile.TemporaryDirectory(prefix="ansible-") as folder:
            product = make_product(Path(folder) / "state")
            try:
                _hold(ansible, product.start(), Path(folder))
            finally:
                product.stop()
    except Failed as reason:
        print(f"ansible: {reason}", file=sys.stderr)
        return 1
    return 0


def installed(folder: Path) -> Path:
    """The command that runs plays, installed into an environment of its own where it is not there yet."""
    command, mark = folder / "bin" / "ansible-playbook", folder / ".installed"
    wanted = HERE / "requirements.txt"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        print(f"Installing Ansible into {folder} (half a gigabyte) ...", flush=True)
        venv.create(folder, with_pip=True)
        pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        if subprocess.run((*pip, "-r", str(wanted)), check=False).returncode:
            raise Failed("Ansible could not be installed")
        mark.write_text(wanted.read_text())
    return command


def _hold(ansible: Path, access: Access, folder: Path) -> None:
    """Make, renew and take away, twice each: only the first of two changes anything."""
    before = leaks.standing(access)
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    (folder / "given.json").write_text(json.dumps({"mark": MARK, "public_key": key}))
    for play in ("present", "refreshed", "absent"):
        for again in (False, True):
            begun = time.monotonic()
            changed = run(ansible, play, access, folder)
            print(f"{play}: {len(changed)} tasks changed something, {time.monotonic() - begun:.0f} s", flush=True)
            if again and changed:
                raise Failed(f"{play}: a second run changed {', '.join(changed)}")
            if not again and not changed:
                raise Failed(f"{play}: nothing was changed")

    def left() -> dict[str, set[str]]:
        return {name: more for name, now in leaks.standing(access).items() if (more := now - before[name])}

    try:
        until("nothing is left of the stack", lambda: not left(), _GONE_SECONDS)
    except AssertionError:
        raise Failed(f"this is left: {left()}") from None


def run(ansible: Path, play: str, access: Access, folder: Path) -> list[str]:
    """Run one play. Returns the tasks that changed something. Raises Failed."""
    command = (str(ansible), "-i", "localhost,", "-e", f"@{folder / 'given.json'}", f"{play}.yml")
    quiet = {
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_PYTHON_INTERPRETER": str(ansible.parent / "python"),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        command,
        cwd=HERE,
        env=access.environment() | quiet,
        capture_output=True,
        text=True,
        timeout=_PLAY_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{play}: {done.stdout[-6000:]}\n{done.stderr[-2000:]}")
    task, changed = "", []
    for line in done.stdout.splitlines():
        if found := _TASK.match(line):
            task = found[1]
        elif _CHANGED.match(line) and task not in changed:
            changed.append(task)
    return changed


if __name__ == "__main__":
    sys.exit(main())
