"""What an operator or a project's owner does by hand: each command's decisions and sentences. Parses no arguments."""

from __future__ import annotations


class CannotDo(Exception):
    """Why a command cannot be carried out, in words for who gave it; nothing was changed."""


class PartlyDone(CannotDo):
    """What a command did before it could not go on, and why it could not, in whole sentences."""
