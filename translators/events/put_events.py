"""Events that callers put on the bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from backend.domain import patterns
from backend.domain.rules import Event
from translators.events.bodies import seconds
from translators.events.errors import DEFAULT_BUS, validation
from translators.events.listing import bus_arn
from translators.registry import Call, Result, operation

_MOST_BYTES: Final = 262_144
_TIME_BYTES: Final = 14
_Refusal = tuple[str, str]
_TOO_MUCH: Final = {
    "ErrorCode": "ThrottlingException",  # Source: EventBridge API Reference, PutEventsResultEntry; the words unsourced
    "ErrorMessage": "The event was not told to its targets: it causes too much work, or too much waits already.",
}


@operation("events", "PutEvents")
def put(call: Call) -> Result:
    if call.params.get("EndpointId"):
        raise validation("EndpointId is not supported by Coppice: there are no global endpoints.")
    entries: list[Mapping[str, Any]] = call.params["Entries"]
    if sum(map(_size, entries)) > _MOST_BYTES:
        raise validation("Total size of the entries in the request is over the limit.")
    answers: list[Mapping[str, str]] = []
    events: list[Event] = []
    for entry in entries:
        refusal = _refusal(entry)
        if refusal is not None:
            answers.append({"ErrorCode": refusal[0], "ErrorMessage": refusal[1]})
            continue
        event = _event(call, entry)
        answers.append({"EventId": event["id"]})
        bus = entry.get("EventBusName") or DEFAULT_BUS
        if bus in {DEFAULT_BUS, bus_arn(call)}:  # a bus that is not there drops it, and says nothing
            events.append(event)
    refused = call.backend.events.publish(call.scope, events) if events else ()
    answers = [_TOO_MUCH if each.get("EventId") in refused else each for each in answers]
    return {"FailedEntryCount": sum("ErrorCode" in each for each in answers), "Entries": answers}


def _size(entry: Mapping[str, Any]) -> int:
    """Source: Amazon EventBridge User Guide, "Calculating PutEvents event entry size"."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or ())]
    return sum(len(text.encode()) for text in texts if text) + (_TIME_BYTES if entry.get("Time") else 0)


def _refusal(entry: Mapping[str, Any]) -> _Refusal | None:
    """Why an entry is not taken."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            return "InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument."
    if entry["Source"].startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    return None if _detail(entry["Detail"]) is not None else ("MalformedDetail", "Detail is malformed.")


def _detail(text: str) -> Mapping[str, Any] | None:
    """The object that a text means; None where it means none, or holds what no text of JSON can."""
    try:
        patterns.read(f"[{text}]")  # as deep as it is in its event: no pattern could be tried on what this refuses
        detail = json.loads(text)
        json.dumps(detail, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return detail if isinstance(detail, dict) else None


def _event(call: Call, entry: Mapping[str, Any]) -> Event:
    at: datetime = entry.get("Time") or call.backend.events.now()
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": call.account_id,
        "time": seconds(at),
        "region": call.region,
        "resources": list(entry.get("Resources") or ()),
        "detail": _detail(entry["Detail"]),
    }
