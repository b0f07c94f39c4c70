"""Tags of what CloudWatch has: which kind an ARN means, and who keeps the tags of that kind.

Source: conformance/recorded, cloudwatch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from backend.domain.dashboards import DashboardMissing
from backend.domain.scope import Scope
from translators.cloudwatch.errors import invalid
from translators.errors import AWSError
from translators.registry import Call, Result, operation


class Tagged(Protocol):
    """A service that keeps tags of a noun by its name; it raises that there is none of that name."""

    def tags(self, scope: Scope, name: str) -> Mapping[str, str]: ...

    def tag(self, scope: Scope, name: str, added: Mapping[str, str], removed: Collection[str] = ()) -> None: ...


KEEPERS: Final[Mapping[str, Callable[[Call], Tagged]]] = {
    "alarm": lambda call: call.backend.alarms,
    "dashboard": lambda call: call.backend.dashboards,
}
"""The word in an ARN -> who keeps the tags."""
_ARN: Final = re.compile(r"arn:aws[a-z-]*:cloudwatch:([a-z0-9-]*):([0-9]{12}):([a-z-]+)[:/](.+)", re.DOTALL)


@operation("cloudwatch", "ListTagsForResource")
def list_tags(call: Call) -> Result:
    keeper, name = _meant(call)
    with _there():
        tags = keeper.tags(call.scope, name)
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


@operation("cloudwatch", "TagResource")
def tag(call: Call) -> Result:
    keeper, name = _meant(call)
    with _there():
        keeper.tag(call.scope, name, {each["Key"]: each["Value"] for each in call.params["Tags"]})
    return {}


@operation("cloudwatch", "UntagResource")
def untag(call: Call) -> Result:
    keeper, name = _meant(call)
    with _there():
        keeper.tag(call.scope, name, {}, call.params["TagKeys"])
    return {}


@contextmanager
def _there() -> Iterator[None]:
    """What is not there is told without words, and by another name than where it is asked for by its own."""
    try:
        yield
    except DashboardMissing as missing:
        raise AWSError("ResourceNotFoundException", "", 404) from missing


def _meant(call: Call) -> tuple[Tagged, str]:
    """Who keeps the tags of an ARN's thing, and its name. Raises AWSError."""
    arn = call.params["ResourceARN"]
    found = _ARN.fullmatch(arn)
    if found is None or found[2] != call.account_id or found[1] not in {"", call.region} or found[3] not in KEEPERS:
        raise invalid(f"Invalid ARN: {arn}")  # unsourced
    return KEEPERS[found[3]](call), found[4]
