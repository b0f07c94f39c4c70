"""Instance types by what they have: GetInstanceTypesFromInstanceRequirements."""

from __future__ import annotations

from typing import Final

from translators import requirement_words
from translators.ec2 import actions
from translators.errors import AWSError
from translators.registry import Call, Result

_HVM: Final = "hvm"
_PAGES: Final = actions.Bounds(1, 1000, 1000)


@actions.reads("GetInstanceTypesFromInstanceRequirements")
def types(call: Call) -> Result:
    """Those that the cloud offers, by name; whether it has room for them is not looked at. ``Context`` is reserved.

    Source: EC2 API Reference, GetInstanceTypesFromInstanceRequirements.
    """
    try:
        wanted = requirement_words.read(call.params["InstanceRequirements"])
    except requirement_words.Clash as clash:
        raise AWSError("InvalidParameterCombination", str(clash)) from clash  # unsourced
    architectures = frozenset(call.params["ArchitectureTypes"])
    names: list[str] = []
    if _HVM in call.params["VirtualizationTypes"]:  # all that there is
        names = call.backend.catalog.types_with(call.scope, wanted, architectures)
    shown, more = actions.page(call, "", names, lambda name: name, _PAGES)
    return {"InstanceTypes": [{"InstanceType": name} for name in shown], **more}
