"""Tags of groups: write, delete, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.cluster_findings import ClusterNotFound
from backend.services.tags import TagQuery
from translators.autoscaling import explaining, tag_words
from translators.autoscaling.errors import validation
from translators.autoscaling.group_words import tag as described
from translators.autoscaling.listing import limit_of, marker_of, result, with_managed
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_MOST_VALUES: Final = 1000
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


@operation("autoscaling", "CreateOrUpdateTags")
def create_or_update_tags(call: Call) -> Result:
    given = _given(call)
    wanted = [(tag_words.resource_of(item), tag_words.tag(item)) for item in given]
    tag_words.refuse_twice([(name, item.key) for name, item in wanted])
    try:
        call.backend.tags.put(call.scope, wanted)
    except ClusterNotFound as found:
        raise _not_found(found) from found
    return {}


@operation("autoscaling", "DeleteTags")
def delete_tags(call: Call) -> Result:
    wanted = []
    for item in _given(call):
        tag_words.refuse_reserved(item["Key"])
        # A value that is given must be the tag's; Terraform and the CLI send it, an empty one counts as none.
        wanted.append((tag_words.resource_of(item), item["Key"], item.get("Value") or None))
    try:
        call.backend.tags.remove(call.scope, wanted)
    except ClusterNotFound as found:
        raise _not_found(found) from found
    return {}


@operation("autoscaling", "DescribeTags")
def describe_tags(call: Call) -> Result:
    query = _query(call.params.get("Filters") or (), managed=with_managed(call))
    limit, after = limit_of(call, 50, 100), marker_of(call)
    if query is None:
        return {"Tags": []}
    if explaining.is_asked(query):
        return result(call, explaining.page(call, query, limit, after), "Tags", dict)
    page = call.backend.tags.page(call.scope, query, limit=limit, after=after)
    return result(call, page, "Tags", lambda pair: described(*pair))


def _given(call: Call) -> Sequence[Mapping[str, Any]]:
    given: Sequence[Mapping[str, Any]] = call.params["Tags"]
    if len(given) > tag_words.MOST_PER_CALL:
        raise validation(f"You can specify at most {tag_words.MOST_PER_CALL} tags in a single call.")  # unsourced
    return given


def _not_found(found: ClusterNotFound) -> AWSError:
    return validation(f"AutoScalingGroup not found - AutoScaling Group {found.name} not found")


def _query(filters: Sequence[Mapping[str, Any]], *, managed: bool) -> TagQuery | None:
    """What the filters ask for; None where they can match nothing.

    Filters of one name are alternatives, of several names all must hold. The API's page speaks of AND alone; what
    cluster-autoscaler and kOps have relied on for years is OR within a name.

    Source: kubernetes/autoscaler, auto_scaling.go, and the log in its #278.
    """
    found: dict[str, Any] = {"clusters": None, "keys": None, "values": None, "propagate": None}
    fields = {"auto-scaling-group": "clusters", "key": "keys", "value": "values", "propagate-at-launch": "propagate"}
    for item in filters:
        name, values = item.get("Name", ""), set(item.get("Values") or ())
        if name not in fields:
            # unsourced
            raise validation(f"Filter type {name} is not correct. Allowed Filter types are: {', '.join(fields)}")
        if len(values) > _MOST_VALUES:
            raise validation(f"A filter can have at most {_MOST_VALUES} values.")  # unsourced
        if name == "propagate-at-launch":
            values = {_BOOLEANS[value.lower()] for value in values if value.lower() in _BOOLEANS}
        field = fields[name]
        found[field] = values if found[field] is None else found[field] | values
    if any(values is not None and not values for values in found.values()):
        return None
    either = found["propagate"]
    return TagQuery(
        clusters=sorted(found["clusters"] or ()),
        keys=sorted(found["keys"] or ()),
        values=sorted(found["values"] or ()),
        propagate=None if either is None or len(either) > 1 else next(iter(either)),
        managed=managed,
    )
