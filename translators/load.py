"""Brings every handler and error table into the registries; importing it is all there is to do."""

from __future__ import annotations

import importlib
import pkgutil

import translators


def load() -> None:
    """Import every module of every service's package once. A service is a package beside this module."""
    for package in pkgutil.iter_modules(translators.__path__):
        if package.ispkg:
            service = importlib.import_module(f"translators.{package.name}")
            for module in pkgutil.iter_modules(service.__path__):
                importlib.import_module(f"{service.__name__}.{module.name}")


load()
