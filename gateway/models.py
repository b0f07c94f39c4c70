"""AWS's service models as botocore ships them, loaded when first asked for; nothing here compiles or parses requests.

A model's documentation is dropped while its file is read: it is four fifths of the text and nobody asks for it here.
All eight models together then take about 20 MB of a process.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader
from botocore.model import OperationModel, ServiceModel

SERVICES = ("autoscaling", "ec2", "sts", "elb", "elbv2", "iam", "sns", "cloudwatch")

_loading = threading.Lock()


class _Lean(JSONFileLoader):  # type: ignore[misc]
    """botocore's file loader without documentation."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> dict[str, Any] | None:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            model: dict[str, Any] = json.loads(file.read(), object_pairs_hook=_undocumented)
        return model


def _undocumented(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # A member may be *named* documentation; only prose, which is text, is dropped.
    return {key: value for key, value in pairs if key != "documentation" or not isinstance(value, str)}


@lru_cache(maxsize=1)
def _loader() -> Loader:
    return Loader(file_loader=_Lean())


@lru_cache(maxsize=len(SERVICES))
def _load(service: str) -> ServiceModel:
    description = _loader().load_service_model(service, "service-2")
    metadata = description["metadata"]
    if "query" in metadata.get("protocols", ()):
        # CloudWatch's model prefers CBOR and still describes the query form.
        description = {**description, "metadata": {**metadata, "protocol": "query"}}
    return ServiceModel(description, service)


def service_model(service: str) -> ServiceModel:
    """The model of one of SERVICES, its protocol ``query`` or ``ec2``.

    Raises:
        KeyError: a service that is not one of SERVICES.
    """
    if service not in SERVICES:
        raise KeyError(service)
    with _loading:
        return _load(service)


def operation_model(service: str, name: str) -> OperationModel | None:
    """The model of an operation, or None where the service has none of that name."""
    model = service_model(service)
    if name not in model.operation_names:
        return None
    return model.operation_model(name)
