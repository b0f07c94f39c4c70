"""The AWS SDK for JavaScript v3, which speaks CloudWatch in all three of its wire forms: `make javascript`. Needs node and npm.

The SDK is installed beside everything else, into a folder of its own: no test needs it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance.clients import client
from conformance.fleet import make_fleet
from conformance.product import ROOT, Access, make_product

HERE = Path(__file__).parent
_SECONDS = 300


class Failed(Exception):
    """What was not as it has to be."""


def main(arguments: list[str] | None = None) -> int:
    """Run the script against a server that is started for it; 0 if all was as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m conformance.javascript", description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=ROOT / "build" / "javascript", help="where the SDK is, or comes to be"
    )
    given = parser.parse_args(arguments)
    try:
        node = installed(given.into)
        with tempfile.TemporaryDirectory(prefix="javascript-") as folder:
            product = make_product(Path(folder) / "state")
            try:
                _hold(node, product.start(), given.into)
            finally:
                product.stop()
    except Failed as reason:
        print(f"javascript: {reason}", file=sys.stderr)
        return 1
    return 0


def installed(folder: Path) -> str:
    """The command that runs scripts, with the SDK in that folder."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Failed("node and npm are not installed")
    wanted, kept = HERE / "package.json", folder / "package.json"
    if not kept.exists() or kept.read_text() != wanted.read_text():
        print(f"Installing the SDK into {folder} ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # Under another name until all is there: what was broken off is begun anew.
        partial = folder / "installing"
        partial.mkdir()
        shutil.copy(wanted, partial)
        command = (npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock")
        if subprocess.run(command, cwd=partial, check=False).returncode:
            raise Failed("the SDK could not be installed")
        (partial / "node_modules").rename(folder / "node_modules")
        shutil.copy(wanted, kept)
    return node


def _hold(node: str, access: Access, folder: Path) -> None:
    """Run the script beside the SDK, where node looks for it. Raises Failed."""
    fleet = make_fleet(client(access, "autoscaling"), client(access, "ec2"))
    group = fleet.create(DefaultCooldown=0)
    script = shutil.copy(HERE / "forms.mjs", folder)
    done = subprocess.run([node, script, group], env=access.environment(), timeout=_SECONDS, check=False)
    fleet.sweep()
    if done.returncode:
        raise Failed("what is not ok above")


if __name__ == "__main__":
    sys.exit(main())
