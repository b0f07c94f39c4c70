"""Parameters: written, read, labelled and deleted; public ones are read alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from backend.domain.parameters import Parameter, ParameterMissing, ParameterType, ParameterVersionMissing
from backend.services.parameters import NewParameter
from translators.errors import AWSError
from translators.registry import Call, Result, operation
from translators.ssm import words
from translators.ssm.errors import not_found, validation
from translators.sts.identity import caller_arn

_STANDARD_BYTES: Final = 4096
_ADVANCED_BYTES: Final = 8192
_TOO_LONG: Final = (
    "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value,"
    " upgrade the parameter to use the advanced-parameter tier."
)
_OWN_KEY: Final = "alias/aws/ssm"
_TYPES: Final = {"text", "aws:ec2:image"}
_IMAGE: Final = "ami-"


@operation("ssm", "PutParameter")
def put(call: Call) -> Result:
    wanted = _wanted(call)
    made = call.backend.parameters.put(
        call.scope, wanted, caller_arn(call), overwrite=bool(call.params.get("Overwrite"))
    )
    return {"Version": made.number, "Tier": made.tier}


def _wanted(call: Call) -> NewParameter:
    """The parameter of a request.

    Raises:
        AWSError: it is none that could be.
    """
    params = call.params
    name, overwrite = words.checked_name(params["Name"]), bool(params.get("Overwrite"))
    if overwrite and params.get("Tags"):
        raise validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove"
            " overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or"
            " RemoveTagsFromResource."
        )
    if params.get("Type") is None and not overwrite:
        raise validation("A parameter type is required when you create a parameter.")
    if params.get("Policies"):
        raise AWSError("InvalidPolicyTypeException", "Policies are not supported by Coppice: nothing expires.")
    kind = ParameterType(params["Type"]) if params.get("Type") else None
    return NewParameter(
        name=name,
        value=_value(params),
        type=kind,
        data_type=_data_type(params),
        tier=_tier(params),
        description=params.get("Description") or None,
        key_id=_key(params, kind),
        allowed_pattern=params.get("AllowedPattern") or None,
        tags={tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()},
    )


def _value(params: Any) -> str:
    value: str = params["Value"]
    if not value:
        raise validation("Parameter value can't be empty.")  # unsourced
    if len(value.encode()) > _ADVANCED_BYTES:
        raise validation(_TOO_LONG)
    return value


def _tier(params: Any) -> str:
    tier: str = params.get("Tier") or "Standard"
    long = len(params["Value"].encode()) > _STANDARD_BYTES
    if tier == "Intelligent-Tiering":
        return "Advanced" if long else "Standard"
    if tier == "Standard" and long:
        raise validation(_TOO_LONG)
    return tier


def _data_type(params: Any) -> str | None:
    data_type = params.get("DataType") or None
    if data_type is None:
        return None
    if data_type not in _TYPES:
        raise validation(f"The following data type is not supported: {data_type} (Data type names are all lowercase.)")
    if data_type == "aws:ec2:image" and not params["Value"].startswith(_IMAGE):
        raise validation(f"Parameter value {params['Value']} is no image's id.")  # unsourced
    return str(data_type)


def _key(params: Any, kind: ParameterType | None) -> str | None:
    """The key that AWS would seal it with: its own alone is known here."""
    given = params.get("KeyId")
    if given and kind is not ParameterType.SECURE:
        raise validation("KeyId is required for SecureString type parameter only.")
    if given and given.rpartition(":")[2] != _OWN_KEY:
        raise AWSError("InvalidKeyId", f"Invalid KeyId {given}: keys of KMS are not supported by Coppice.")
    return _OWN_KEY if kind is ParameterType.SECURE else None


def found(call: Call, text: str) -> tuple[Parameter, str | None]:
    """A parameter of the project's own, and the selector that it was named with.

    Raises:
        ParameterMissing, ParameterVersionMissing
    """
    names, selector = words.named(call, text)
    for name in names:
        try:
            return call.backend.parameters.find(call.scope, name, selector), selector
        except ParameterMissing:
            continue
    raise ParameterMissing(text)


def _read(call: Call, text: str) -> words.Words:
    names, _ = words.named(call, text)
    for name in names:
        if words.is_public(name):
            public = call.backend.parameters.public(call.scope, name)
            if public is None:
                raise ParameterMissing(name)
            return words.public_told(call, public)
    parameter, selector = found(call, text)
    return words.told(call, parameter, clear=bool(call.params.get("WithDecryption")), selector=selector)


@operation("ssm", "GetParameter")
def get(call: Call) -> Result:
    return {"Parameter": _read(call, call.params["Name"])}


@operation("ssm", "GetParameters")
def get_several(call: Call) -> Result:
    told: list[words.Words] = []
    missing: list[str] = []
    for name in dict.fromkeys(call.params["Names"]):
        try:
            told.append(_read(call, name))
        except (ParameterMissing, ParameterVersionMissing):
            missing.append(name)
    return {"Parameters": told, "InvalidParameters": missing}


@operation("ssm", "DeleteParameter")
def delete(call: Call) -> Result:
    if not _deleted(call, [call.params["Name"]]):
        raise not_found()
    return {}


@operation("ssm", "DeleteParameters")
def delete_several(call: Call) -> Result:
    names = list(dict.fromkeys(call.params["Names"]))
    gone = _deleted(call, names)
    return {"DeletedParameters": gone, "InvalidParameters": [name for name in names if name not in gone]}


def _deleted(call: Call, names: Sequence[str]) -> list[str]:
    own = {name: words.named(call, name)[0] for name in names}
    gone = set(call.backend.parameters.delete(call.scope, [each for several in own.values() for each in several]))
    return [name for name, several in own.items() if gone & set(several)]


@operation("ssm", "LabelParameterVersion")
def label(call: Call) -> Result:
    labels: list[str] = call.params["Labels"]
    fit = [each for each in labels if words.is_label(each)]
    parameter, _ = found(call, call.params["Name"])
    number = call.params.get("ParameterVersion") or parameter.number
    if fit:
        call.backend.parameters.label(call.scope, parameter.name, number, fit)
    return {"InvalidLabels": [each for each in labels if each not in fit], "ParameterVersion": number}


@operation("ssm", "UnlabelParameterVersion")
def unlabel(call: Call) -> Result:
    labels: list[str] = call.params["Labels"]
    parameter, _ = found(call, call.params["Name"])
    gone = call.backend.parameters.unlabel(call.scope, parameter.name, call.params["ParameterVersion"], labels)
    return {"RemovedLabels": list(gone), "InvalidLabels": [each for each in labels if each not in gone]}


_TAGGED: Final = "Parameter"


def _tagged(call: Call) -> str:
    """The name of the parameter whose tags are meant. Raises AWSError."""
    if call.params["ResourceType"] != _TAGGED:
        raise AWSError("InvalidResourceType", "Only parameters have tags in Coppice.")
    try:
        return found(call, call.params["ResourceId"])[0].name
    except ParameterMissing:
        raise AWSError("InvalidResourceId", "") from None


@operation("ssm", "AddTagsToResource")
def add_tags(call: Call) -> Result:
    tags = {tag["Key"]: tag["Value"] for tag in call.params["Tags"]}
    call.backend.parameters.retag(call.scope, _tagged(call), tags)
    return {}


@operation("ssm", "RemoveTagsFromResource")
def remove_tags(call: Call) -> Result:
    call.backend.parameters.retag(call.scope, _tagged(call), {}, call.params["TagKeys"])
    return {}


@operation("ssm", "ListTagsForResource")
def list_tags(call: Call) -> Result:
    tags = call.backend.parameters.find(call.scope, _tagged(call)).tags
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}
