"""Parameters listed: below a path, all of them by filters, and the versions that one has had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from backend.domain.parameters import Parameter
from backend.services.parameters import Asked
from translators import paging
from translators.errors import AWSError
from translators.registry import Call, Result, operation
from translators.ssm import words
from translators.ssm.errors import validation
from translators.ssm.parameters import found

T = TypeVar("T")
_BY_PATH: Final = 10
_OTHERS: Final = 50


def _page(call: Call, items: Sequence[T], key: Callable[[T], str], most: int) -> tuple[Sequence[T], dict[str, str]]:
    """A page of what is in the order of its keys, and the token of the next one."""
    if token := call.params.get("NextToken"):
        after = paging.decode(token, call.operation, paging.binding(call), "ssm")
        items = [item for item in items if key(item) > after]
    size = call.params.get("MaxResults", most)
    if len(items) <= size:
        return items, {}
    return items[:size], {"NextToken": paging.encode(call.operation, key(items[size - 1]), paging.binding(call))}


@operation("ssm", "GetParametersByPath")
def by_path(call: Call) -> Result:
    path = call.params["Path"]
    if not path.startswith("/"):
        raise validation(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward"
            ' slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters,'
            " numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not"
            ' allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example:'
            " /get/parameters2-/by1./path0_."
        )
    path = path.rstrip("/") + "/"
    deep = bool(call.params.get("Recursive"))
    told: list[words.Words]
    if words.is_public(path):
        public = call.backend.parameters.all_public(call.scope, path)
        told = [words.public_told(call, each) for each in public if _below(path, each.name, deep=deep)]
        here, more = _page(call, told, _name, _BY_PATH)
        return {"Parameters": list(here), **more}
    holds = _meant(call, {"Type", "KeyId", "Label"})
    some, more = _own(call, lambda each: _below(path, each.name, deep=deep) and holds(each), _BY_PATH, path)
    clear = bool(call.params.get("WithDecryption"))
    some = call.backend.parameters.whole(call.scope, some)
    return {"Parameters": [words.told(call, each, clear=clear) for each in some], **more}


@operation("ssm", "DescribeParameters")
def describe(call: Call) -> Result:
    holds = _meant(call, {"Name", "Type", "KeyId", "Path", "Tier", "DataType"})
    if call.params.get("Shared"):  # nobody shares any
        return {"Parameters": []}
    here, more = _own(call, holds, _OTHERS)
    return {"Parameters": [words.described(call, each) for each in here], **more}


def _own(
    call: Call, holds: Callable[[Parameter], bool], most: int, below: str = ""
) -> tuple[Sequence[Parameter], dict[str, str]]:
    """A page of the project's own parameters, and the token of the next one."""
    token = call.params.get("NextToken")
    after = paging.decode(token, call.operation, paging.binding(call), "ssm") if token else ""
    asked = Asked(holds, call.params.get("MaxResults", most), after, below)
    found, more = call.backend.parameters.page(call.scope, asked)
    if not more:
        return found, {}
    return found, {"NextToken": paging.encode(call.operation, found[-1].name, paging.binding(call))}


@operation("ssm", "GetParameterHistory")
def history(call: Call) -> Result:
    parameter, _ = found(call, call.params["Name"])
    versions = call.backend.parameters.history(call.scope, parameter.name)
    here, more = _page(call, versions, lambda each: f"{each.number:020}", _OTHERS)
    clear = bool(call.params.get("WithDecryption"))
    return {"Parameters": [words.remembered(call, each, clear=clear) for each in here], **more}


def _name(told: words.Words) -> str:
    return str(told["Name"])


def _below(path: str, name: str, *, deep: bool) -> bool:
    return name.startswith(path) and (deep or "/" not in name[len(path) :])


_VALUES: Final[Mapping[str, Callable[[Parameter], Sequence[str]]]] = {
    "Name": lambda each: [each.name],
    "Type": lambda each: [str(each.type)],
    "KeyId": lambda each: [each.key_id] if each.key_id else [],
    "Tier": lambda each: [each.tier],
    "DataType": lambda each: [each.data_type],
    "Label": lambda each: each.labels,
}
_OPTIONS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "Equals": lambda value, wanted: value == wanted,
    "BeginsWith": lambda value, wanted: value.startswith(wanted),
    "Contains": lambda value, wanted: wanted in value,
}


def _meant(call: Call, allowed: set[str]) -> Callable[[Parameter], bool]:
    """Whether the filters mean a parameter.

    Raises:
        AWSError: a filter is none.
    """
    asked: list[Mapping[str, Any]] = list(call.params.get("ParameterFilters") or ())
    asked += [{**each, "Option": "BeginsWith"} if each["Key"] == "Name" else each for each in _old(call)]
    every = [_holds(each, allowed) for each in asked]
    return lambda parameter: all(holds(parameter) for holds in every)


def _old(call: Call) -> Sequence[Mapping[str, Any]]:
    old: Sequence[Mapping[str, Any]] = call.params.get("Filters") or ()
    if old and call.params.get("ParameterFilters"):
        raise validation("You can use either Filters or ParameterFilters in a single request.")
    return old


def _holds(each: Mapping[str, Any], allowed: set[str]) -> Callable[[Parameter], bool]:
    key, option, wanted = each["Key"], each.get("Option"), each.get("Values") or []
    if key.startswith("tag:") and "Name" in allowed:
        tag = key.removeprefix("tag:")
        return lambda parameter: tag in parameter.tags and (not wanted or parameter.tags[tag] in wanted)
    if key not in allowed:
        raise AWSError("InvalidFilterKey", f"The following filter key is not valid: {key}.")
    if key == "Path":
        if option not in {None, "OneLevel", "Recursive"}:
            raise AWSError("InvalidFilterOption", f"The following filter option is not valid: {option}.")
        paths = [path.rstrip("/") + "/" for path in wanted]
        return lambda parameter: any(_below(path, parameter.name, deep=option == "Recursive") for path in paths)
    holds = _OPTIONS.get(option or "Equals")
    if holds is None:
        raise AWSError("InvalidFilterOption", f"The following filter option is not valid: {option}.")
    values = _VALUES[key]
    return lambda parameter: any(holds(value, one) for value in values(parameter) for one in wanted)
