"""``coppice listen`` with the test cloud's own oslo.messaging, which Coppice's requirements do not have.

Run as ``python -m`` with a folder of packages: what Coppice has itself comes first, what it lacks is taken from there. As a
file it would have ``operator.py`` stand in the place of Python's own.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    sys.path = [str(ROOT), *sys.path[1:], sys.argv[1]]
    sys.argv = ["wsgi.py", "listen"]
    runpy.run_path(str(ROOT / "wsgi.py"), run_name="__main__")
