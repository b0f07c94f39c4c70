"""Findings about key pairs. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class KeyPairNotFound(Finding):
    name: str


@dataclass(eq=False)
class KeyPairExists(Finding):
    name: str


@dataclass(eq=False)
class KeyPairNotPublic(Finding):
    """The text is no public key that could be imported."""
