"""Libraries that need not be there: what uses one loads it where the settings ask for it."""

from __future__ import annotations


class NoLibrary(Exception):
    """A library that the settings ask for is not installed, or cannot do what they say; the words tell why."""
