"""Parameters between Systems Manager's words and the engine's: names, ARNs, what answers say of one."""

from __future__ import annotations

import re
from typing import Any, Final

from backend.domain.parameters import PUBLIC, Parameter, ParameterType, selected
from backend.services.parameters import PublicImage
from translators import arns
from translators.errors import AWSError
from translators.registry import Call
from translators.ssm.errors import validation

Words = dict[str, Any]
_ARN: Final = re.compile(r"arn:aws[a-z-]*:ssm:([\w.-]*):([0-9]{12}|):parameter(/.+|[^/].*)")
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-/]+")
_LABEL: Final = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]{0,99}")
_NO_NAME: Final = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths'
    " divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
)
_MOST_LEVELS: Final = 15
_LONGEST: Final = 1011


def named(call: Call, text: str) -> tuple[list[str], str | None]:
    """(names that are tried in turn, selector) of a parameter that is named, or told by its ARN.

    An ARN does not tell whether a name of one level begins with a slash; another account's is of no name here.
    """
    found = _ARN.fullmatch(text)
    if found is None:
        name, selector = selected(text)
        return [name], selector
    if found[2] not in {"", call.account_id} or found[1] not in {"", call.region}:
        return [], None
    name, selector = selected(found[3])
    return [name[1:], name] if name.count("/") == 1 and name.startswith("/") else [name], selector


def is_label(text: str) -> bool:
    """Whether a version may be called so."""
    return _LABEL.fullmatch(text) is not None and not text.lower().startswith(("aws", "ssm"))


def is_public(name: str) -> bool:
    return name.startswith(PUBLIC)


def checked_name(name: str) -> str:
    """A name that a parameter may be given.

    Raises:
        AWSError: it is none, or one of AWS's own.
    """
    begins = name.lower().removeprefix("/")
    if begins.startswith("aws"):
        raise AWSError("AccessDeniedException", f"No access to reserved parameter name: {name}.")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or begins.startswith("ssm") or "//" in name:
        raise validation(_NO_NAME)
    if "/" in name and not name.startswith("/"):
        raise validation("Parameter name must be a fully qualified name.")
    if name.count("/") > _MOST_LEVELS:
        raise AWSError(
            "HierarchyLevelLimitExceededException", "Parameter hierarchies can have a maximum depth of 15 levels."
        )
    return name


def arn_of(call: Call, name: str, *, public: bool = False) -> str:
    account = "" if public else call.account_id
    return arns.parameter(call.region, account, name)


def told(call: Call, parameter: Parameter, *, clear: bool, selector: str | None = None) -> Words:
    """A parameter with its value: in clear, or as it lies here."""
    secure = parameter.type is ParameterType.SECURE
    value = call.backend.parameters.opened(parameter) if clear or not secure else parameter.value
    return {
        "Name": parameter.name,
        "Type": str(parameter.type),
        "Value": value,
        "Version": parameter.number,
        **({} if selector is None else {"Selector": f":{selector}"}),
        "LastModifiedDate": parameter.changed_at,
        "ARN": arn_of(call, parameter.name),
        "DataType": parameter.data_type,
    }


def public_told(call: Call, parameter: PublicImage) -> Words:
    """A public parameter. Source: conformance/recorded stackd.ssm.warm_pool_sizing (DataType is text)."""
    return {
        "Name": parameter.name,
        "Type": "String",
        "Value": arns.image_id(parameter.image.id),
        "Version": parameter.number,
        "LastModifiedDate": parameter.changed_at,
        "ARN": arn_of(call, parameter.name, public=True),
        "DataType": "text",
    }


def described(call: Call, parameter: Parameter) -> Words:
    """A parameter without its value."""
    return {
        "Name": parameter.name,
        "ARN": arn_of(call, parameter.name),
        "Type": str(parameter.type),
        "LastModifiedDate": parameter.changed_at,
        "LastModifiedUser": parameter.changed_by,
        "Version": parameter.number,
        "Tier": parameter.tier,
        "Policies": [],
        "DataType": parameter.data_type,
        **_optional(parameter),
    }


def remembered(call: Call, parameter: Parameter, *, clear: bool) -> Words:
    """A version of a parameter in its history."""
    value = told(call, parameter, clear=clear)
    return {
        **{name: value[name] for name in ("Name", "Type", "Value", "Version", "LastModifiedDate", "DataType")},
        "LastModifiedUser": parameter.changed_by,
        "Labels": list(parameter.labels),
        "Tier": parameter.tier,
        "Policies": [],
        **_optional(parameter),
    }


def _optional(parameter: Parameter) -> Words:
    given = {
        "Description": parameter.description,
        "KeyId": parameter.key_id,
        "AllowedPattern": parameter.allowed_pattern,
    }
    return {name: value for name, value in given.items() if value}
