"""The scripts of docs/clients.md, run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.product import PATIENCE, ROOT, Access

PAGE = (ROOT / "docs" / "clients.md").read_text()
RUN = re.compile(r"<!-- runs -->\n```(?P<language>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
RECIPES = {match["language"]: match["code"] for match in RUN.finditer(PAGE)}
PROGRAMS = {"bash": ["bash", "-eu", "-o", "pipefail"], "python": [sys.executable, "-"]}

pytestmark = [pytest.mark.tool, pytest.mark.embedded("zones and images by names of the embedded cloud")]


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_recipe_runs(language: str, server: Access, tmp_path: Path) -> None:
    environment = server.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        PROGRAMS[language],
        input=RECIPES[language],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
