"""What EventBridge's lists share: pages by the last name shown, and the bus that a request means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from translators import paging
from translators.events.errors import DEFAULT_BUS, no_bus
from translators.registry import Call

T = TypeVar("T")
_MOST: Final = 100


def page(call: Call, items: Sequence[T], name: Callable[[T], str]) -> tuple[Sequence[T], dict[str, Any]]:
    """The items of a page, which come by their names, and the member that leads to the next."""
    size = int(call.params.get("Limit") or _MOST)
    token = call.params.get("NextToken")
    if token:
        after = paging.decode(token, call.operation, paging.binding(call), "events")
        items = [each for each in items if name(each) > after]
    if len(items) <= size:
        return items, {}
    more = paging.encode(call.operation, name(items[size - 1]), paging.binding(call))
    return items[:size], {"NextToken": more}


def on_default_bus(call: Call) -> None:
    """Raises AWSError where a request means another bus than the one that there is."""
    named = call.params.get("EventBusName") or DEFAULT_BUS
    bus = named.rpartition("/")[2] if named.startswith("arn:") else named
    if bus != DEFAULT_BUS or (named.startswith("arn:") and named != bus_arn(call)):
        raise no_bus(bus)


def bus_arn(call: Call) -> str:
    return f"arn:aws:events:{call.region}:{call.account_id}:event-bus/{DEFAULT_BUS}"
