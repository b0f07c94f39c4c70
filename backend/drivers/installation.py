"""Which installation of Coppice drives a cloud: asked for when needed, as a process may start before its store."""

from __future__ import annotations

from collections.abc import Callable

Installation = Callable[[], str]


def nobody() -> str:
    """No installation: what is made tells of none, and nothing that is found counts as made here."""
    return ""


def named(installation: str) -> Installation:
    """That one, known beforehand."""
    return lambda: installation
