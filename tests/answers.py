"""Answers of handlers held against AWS's models: a member that no shape has would vanish without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

from gateway.models import operation_model


def hold(service: str, operation: str, answer: Any) -> None:
    """Fail on an answer whose members the operation's output does not have."""
    model = operation_model(service, operation)
    if model is not None and model.output_shape is not None:
        known(model.output_shape, answer, operation)


def known(shape: Shape, value: Any, path: str) -> None:
    """Every member that is named is one of the model's, and of the model's type."""
    if value is None:
        return
    if shape.type_name == "structure":
        assert isinstance(value, Mapping), path
        for name, member in value.items():
            assert name in shape.members, f"{path}.{name}"
            known(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, (list, tuple)), path
        for item in value:
            known(shape.member, item, f"{path}[]")
    elif shape.type_name in {"string", "character"}:
        assert isinstance(value, str), f"{path}: {value!r}"
    elif shape.type_name in {"integer", "long"}:
        assert isinstance(value, int), f"{path}: {value!r}"
    elif shape.type_name == "boolean":
        assert isinstance(value, bool), f"{path}: {value!r}"
