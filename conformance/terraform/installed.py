"""Terraform and a mirror with the AWS provider, which have to be on the machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.terraform.stack import Tool

MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/usr/share/terraform/providers",
)
"""Where people keep providers for machines without a registry; TF_PLUGIN_MIRROR names another place."""


def missing(what: str) -> None:
    """No Terraform, no test: a reason to skip at home, a failure where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@contextlib.contextmanager
def installed() -> Iterator[Tool]:
    """Terraform as it is found here, until the block ends."""
    with Tool(_program(), _mirror()).running() as tool:
        yield tool


def _program() -> str:
    found = os.environ.get("TERRAFORM") or shutil.which("terraform") or shutil.which("tofu")
    if not found:
        missing("terraform is not installed (TERRAFORM can name it)")
    return str(found)


def _mirror() -> Path:
    places = [os.environ["TF_PLUGIN_MIRROR"]] if os.environ.get("TF_PLUGIN_MIRROR") else list(MIRRORS)
    for place in map(Path, map(os.path.expanduser, places)):
        if list(place.glob("registry.*/hashicorp/aws/*")):
            return place
    for package in _found(places[0] if len(places) == 1 else "/"):
        return package.parents[5]  # MIRROR/REGISTRY/hashicorp/aws/VERSION/PLATFORM/terraform-provider-aws_...
    missing("no mirror with the AWS provider (TF_PLUGIN_MIRROR can name it)")
    raise AssertionError


def _found(root: str) -> list[Path]:
    """The AWS provider, wherever on the machine's own disk it lies."""
    command = ["find", root, "-xdev", "-path", "*/hashicorp/aws/*/terraform-provider-aws_v*", "-type", "f"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [Path(line) for line in told.splitlines() if "/.terraform/" not in line]
