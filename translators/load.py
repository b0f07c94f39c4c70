"""Brings every handler and error table into the registries; importing it is all there is to do."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final

_SERVICES: Final = ("autoscaling", "ec2", "elbv2", "iam", "sts")


def load() -> None:
    """Import every module of every service's package once."""
    for service in _SERVICES:
        package = importlib.import_module(f"translators.{service}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"translators.{service}.{module.name}")


load()
