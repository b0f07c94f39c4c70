"""Make things go wrong in a simulated cloud that is running: ``python -m backend.drivers.simulated STATEFILE COMMAND``.

``coppice cloud COMMAND`` is the same, with the state file of the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from backend.clock import Clock, SystemClock
from backend.drivers.simulated import hand
from backend.drivers.simulated.cloud import SimulatedCloud


def main(arguments: Sequence[str], out: TextIO, clock: Clock) -> int:
    """Run one command. Returns the exit status: 0, or 1 with the reason written."""
    asked = _parser().parse_args(arguments)
    if not Path(asked.state).is_file():
        out.write(f"there is no simulated cloud at {asked.state}\n")
        return 1
    simulated = SimulatedCloud.open(asked.state, clock)
    try:
        told = hand.carry_out(simulated, asked)
    except hand.REFUSALS as error:
        out.write(f"{error}\n")
        return 1
    finally:
        simulated.close()
    lines = [told] if isinstance(told, str) else ["  ".join(map(str, row.values())) for row in told]
    out.writelines(f"{line}\n" for line in lines)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend.drivers.simulated",
        description="Make things go wrong in a simulated cloud that is running.",
    )
    parser.add_argument("state", metavar="STATEFILE")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, order in hand.ORDERS.items():
        order.arguments(commands.add_parser(name, help=order.help))
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout, SystemClock()))
