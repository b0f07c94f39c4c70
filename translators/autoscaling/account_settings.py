"""Account settings: what an account turns on or off for all its groups of a region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.account_settings import Setting
from backend.domain.page import Page
from translators.autoscaling.errors import validation
from translators.autoscaling.listing import limit_of, marker_of, result
from translators.registry import Call, Result, operation

NAMES: Final[Mapping[str, Setting]] = {"launchBeforeTerminate": Setting.LAUNCH_FIRST}
"""Source: Auto Scaling User Guide, "Amazon EC2 Auto Scaling account settings"."""
_VALUES: Final = {"enabled": True, "disabled": False}
_WORDS: Final = {turned: word for word, turned in _VALUES.items()}


@operation("autoscaling", "DescribeAccountSettings")
def describe(call: Call) -> Result:
    name = call.params.get("Name")
    if name is not None:
        _setting(name)
    limit = limit_of(call, 50, 100)
    after = marker_of(call) or ""
    turned = call.backend.account_settings.all(call.scope)
    names = [each for each in sorted(NAMES) if name in {None, each} and each > after]
    page = Page(names[:limit], names[limit - 1] if len(names) > limit else None)
    return result(call, page, "Settings", lambda each: _told(each, enabled=turned[NAMES[each]]))


@operation("autoscaling", "PutAccountSetting")
def put(call: Call) -> Result:
    setting, value = _setting(call.params["Name"]), call.params["Value"]
    if value not in _VALUES:
        # unsourced
        raise validation(f"Invalid account setting value: {value}. Valid values: [{', '.join(_VALUES)}]")
    call.backend.account_settings.put(call.scope, setting, enabled=_VALUES[value])
    return {}


def _setting(name: str) -> Setting:
    if name not in NAMES:
        raise validation(f"Invalid account setting name: {name}. Valid values: [{', '.join(NAMES)}]")  # unsourced
    return NAMES[name]


def _told(name: str, *, enabled: bool) -> dict[str, Any]:
    """No setting is ever enforced here, so what is told of enforced ones alone is never there."""
    return {"Name": name, "Value": _WORDS[enabled], "EnforcementType": "none"}
