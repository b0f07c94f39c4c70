"""AWS's service models as botocore ships them, loaded when first asked for; nothing here compiles or parses requests.

A model's documentation is dropped while its file is read: it is four fifths of the text and nobody asks for it here.
All models together then take about 20 MB of a process. What a service is called, and in which forms it is spoken to,
stands at the head of its file and is read without the rest.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from botocore.loaders import JSONFileLoader, Loader
from botocore.model import OperationModel, ServiceModel

# Where two services share an endpoint, the first is meant by requests that do not say which.
SERVICES: Final = (
    "autoscaling",
    "ec2",
    "sts",
    "elbv2",
    "elb",
    "iam",
    "sns",
    "cloudwatch",
    "sqs",
    "ssm",
    "events",
)

_HEAD_BYTES: Final = 8192
_loading = threading.Lock()


class _Lean(JSONFileLoader):  # type: ignore[misc]
    """botocore's file loader without documentation."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> dict[str, Any] | None:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            model: dict[str, Any] = json.loads(file.read(), object_pairs_hook=_undocumented)
        return model


class _Head(JSONFileLoader):  # type: ignore[misc]
    """A file loader that stops after the metadata, with which every model begins."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> dict[str, Any] | None:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            text = file.read(_HEAD_BYTES).decode(errors="ignore")
        metadata, _ = json.JSONDecoder().raw_decode(text, text.index("{", text.index('"metadata"')))
        return {"metadata": metadata}


def _undocumented(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # A member may be *named* documentation; only prose, which is text, is dropped.
    return {key: value for key, value in pairs if key != "documentation" or not isinstance(value, str)}


@lru_cache(maxsize=1)
def _loader() -> Loader:
    return Loader(file_loader=_Lean())


@lru_cache(maxsize=len(SERVICES))
def _load(service: str) -> ServiceModel:
    return ServiceModel(_loader().load_service_model(service, "service-2"), service)


@lru_cache(maxsize=len(SERVICES))
def metadata(service: str) -> Mapping[str, Any]:
    """What a model says of its service as a whole: names, version, forms."""
    loader = Loader(file_loader=_Head())
    version = loader.determine_latest_version(service, "service-2")
    found: dict[str, Any] = loader.load_data(os.path.join(service, version, "service-2"))["metadata"]  # noqa: PTH118 - botocore's name for it
    return found


@lru_cache(maxsize=1)
def scopes() -> Mapping[str, tuple[str, ...]]:
    """The service of a credential scope -> botocore's names behind it, in the order of SERVICES."""
    found: dict[str, tuple[str, ...]] = {}
    for service in SERVICES:
        about = metadata(service)
        scope = about.get("signingName", about["endpointPrefix"])
        found[scope] = (*found.get(scope, ()), service)
    return found


def is_global(service: str) -> bool:
    """Whether a service has one endpoint for the world: clients sign for AWS's region of it, whatever theirs is."""
    return "globalEndpoint" in metadata(service)


def service_model(service: str) -> ServiceModel:
    """The model of one of SERVICES.

    Raises:
        KeyError: a service that is not one of SERVICES.
    """
    if service not in SERVICES:
        raise KeyError(service)
    with _loading:
        return _load(service)


# Of SQS in the query form, which its model does not know any more: what a list's element, or a map, is called, and how
# a map's keys and values are. Source: the service's model before November 2023.
_QUERY_ELEMENTS: Final[Mapping[str, str]] = {
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
    "AttributeNames": "AttributeName",
    "BinaryListValues": "BinaryListValue",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "Messages": "Message",
    "QueueUrls": "QueueUrl",
    "StringListValues": "StringListValue",
    "TagKeys": "TagKey",
    "queueUrls": "QueueUrl",
}
_QUERY_MAPS: Final[Mapping[str, tuple[str, str, str]]] = {
    "Attributes": ("Attribute", "Name", "Value"),
    "MessageAttributes": ("MessageAttribute", "Name", "Value"),
    "MessageSystemAttributes": ("MessageSystemAttribute", "Name", "Value"),
    "Tags": ("Tag", "Key", "Value"),
    "tags": ("Tag", "Key", "Value"),
}
_QUERY_METADATA: Final[Mapping[str, str]] = {"xmlNamespace": "http://queue.amazonaws.com/doc/2012-11-05/"}
_QUERY_TOO: Final = "sqs"


def forms(service: str) -> tuple[str, ...]:
    """The wire forms that a service is spoken to in, by botocore's names."""
    listed: list[str] = metadata(service)["protocols"]
    return (*listed, "query") if service == _QUERY_TOO else tuple(listed)


@lru_cache(maxsize=1)
def _query_too() -> ServiceModel:
    told = _loader().load_service_model(_QUERY_TOO, "service-2")
    shapes = {name: dict(shape) for name, shape in told["shapes"].items()}
    for shape in shapes.values():
        if shape["type"] == "structure":
            shape["members"] = {name: _renamed(shapes, name, dict(member)) for name, member in shape["members"].items()}
    operations = {name: _wrapped(name, operation) for name, operation in told["operations"].items()}
    heads = {"metadata": {**told["metadata"], **_QUERY_METADATA}}
    return ServiceModel({**told, **heads, "operations": operations, "shapes": shapes}, _QUERY_TOO)


def _wrapped(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    if "output" not in operation:
        return operation
    return {**operation, "output": {**operation["output"], "resultWrapper": f"{name}Result"}}


def _renamed(shapes: dict[str, dict[str, Any]], name: str, member: dict[str, Any]) -> dict[str, Any]:
    """A structure's member by its name in the query form; a list's and a map's shape are renamed with it."""
    shape = shapes[member["shape"]]
    if shape["type"] == "list":
        element = _QUERY_ELEMENTS.get(name, shape["member"]["shape"])
        shape["member"] = {**shape["member"], "locationName": element}
        shape["flattened"] = True
        return {**member, "locationName": element}
    if shape["type"] == "map":
        wire, key, value = _QUERY_MAPS[name]
        shape["key"] = {**shape["key"], "locationName": key}
        shape["value"] = {**shape["value"], "locationName": value}
        shape["flattened"] = True
        return {**member, "locationName": wire}
    return member


def form_model(service: str, form: str) -> ServiceModel:
    """The model of one of SERVICES as it is spoken to in one of its forms.

    Raises:
        KeyError: a service that is not one of SERVICES.
    """
    if service != _QUERY_TOO or form != "query":
        return service_model(service)
    with _loading:
        return _query_too()


def operation_model(service: str, name: str) -> OperationModel | None:
    """The model of an operation, or None where the service has none of that name."""
    model = service_model(service)
    if name not in model.operation_names:
        return None
    return model.operation_model(name)
