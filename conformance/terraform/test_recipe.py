"""The configuration of docs/clients.md: planned whole by Terraform as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.fleet import unique
from conformance.product import ROOT, Access
from conformance.terraform.stack import Stack, Tool

pytestmark = [pytest.mark.tool, pytest.mark.embedded("images of the embedded cloud's owner")]


def test_the_recipe_is_planned(terraform: Tool, tmp_path: Path, server: Access) -> None:
    (code,) = re.findall(r"^```hcl\n(.*?)^```$", (ROOT / "docs" / "clients.md").read_text(), re.DOTALL | re.MULTILINE)
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").write_text(code)
    stack = Stack(terraform, source, tmp_path / "stack", server, unique("tf"))
    # As a user has it: a provider of Terraform's own, and the endpoint in the environment.
    del stack.environment["TF_REATTACH_PROVIDERS"]
    stack.environment["AWS_ENDPOINT_URL"] = server.url
    assert "Plan: 3 to add, 0 to change, 0 to destroy." in stack.run("plan")
