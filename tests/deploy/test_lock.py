"""requirements.lock: one version of everything that Coppice runs with, each held to its hashes."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
_PINS = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)([^\\]*)\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)
PINS = {canonicalize_name(name): Version(version) for name, version, _, _ in _PINS.findall(LOCK)}


def _wanted() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_nothing_in_it_is_without_hashes_or_names_a_place():
    kept = "".join(match[0] for match in _PINS.finditer(LOCK))
    assert kept == "".join(line for line in LOCK.splitlines(keepends=True) if not line.startswith("#"))
    assert "://" not in LOCK


@pytest.mark.parametrize("requirement", _wanted(), ids=lambda each: each.name)
def test_it_is_within_what_is_tested(requirement):
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", sorted(PINS))
def test_what_each_needs_is_in_it(name):
    """As far as it is installed here, in whatever version."""
    extras = {extra for each in _wanted() if canonicalize_name(each.name) == name for extra in each.extras}
    try:
        needs = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return  # of another platform
    for text in needs:
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            assert canonicalize_name(need.name) in PINS
