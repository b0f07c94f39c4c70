"""Every filter that EC2's manual documents is taken: what a cloud has not is a filter that nothing passes."""

from __future__ import annotations

import re

import pytest
from botocore.session import get_session

from tests.factories import World
from tests.translators.ec2.wire import Asking, filtered
from translators.errors import AWSError
from translators.registry import supported

MODEL = get_session().get_service_model("ec2")  # with its documentation, which the gateway's copy leaves out
NAMED = re.compile(r"<li>\s*<p>\s*<code>([^<\s]+)</code>")
# ``tag:KEY`` is no name, and values stand in the same form.
NONE = {"tag", "true", "false", "informational", "low", "medium", "high", "critical"}


def documented(operation: str) -> list[str]:
    shape = MODEL.operation_model(operation).input_shape
    if shape is None or "Filters" not in shape.members:
        return []
    text = re.sub(r"\(.*?\)", "", shape.members["Filters"].documentation or "", flags=re.DOTALL)
    return [name for name in NAMED.findall(text) if name not in NONE]


OPERATIONS = [name for name in supported()["ec2"] if documented(name)]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_documented_filter_is_taken(world: World, operation: str) -> None:
    aws = Asking(world)
    refused = []
    for name in documented(operation):
        params = {"Versions": ["$Latest"]} if operation == "DescribeLaunchTemplateVersions" else {}
        try:
            aws(operation, Filters=filtered(name, "sg-0123456789abcdef0"), **params)
        except AWSError as error:
            refused.append(f"{name}: {error.message}")
    assert refused == []
