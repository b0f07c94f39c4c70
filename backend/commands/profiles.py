"""Accounts of the embedded cloud as profiles of AWS's tools: files of our own, and on demand a part of the user's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backend.commands import CannotDo

FOLDER: Final = "aws"
_BEGIN: Final = "# >>> coppice: these lines are written by coppice account"
_END: Final = "# <<< coppice"
_OURS: Final = re.compile(rf"\n?{re.escape(_BEGIN)}.*?{re.escape(_END)}\n", re.DOTALL)
_SECTION: Final = re.compile(r"^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    access_key: str
    secret: str = field(repr=False)


def exported(file: Path) -> dict[str, str]:
    """What a file of a shell's exports says; empty where it is not there."""
    lines = file.read_text().splitlines() if file.is_file() else []
    return dict(re.findall(r"^export ([A-Z_]+)=(.*)$", "\n".join(lines), re.MULTILINE))


def write(folder: Path, profiles: Sequence[Profile], endpoint: str, region: str) -> tuple[Path, Path]:
    """The files of config and credentials in the state, written anew; for their owner alone."""
    place = folder / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    config, credentials = place / "config", place / "credentials"
    _replace(config, "\n".join(_config(profiles, endpoint, region)) + "\n")
    _replace(credentials, "\n".join(_credentials(profiles)) + "\n")
    return config, credentials


def write_into(config: Path, credentials: Path, profiles: Sequence[Profile], endpoint: str, region: str) -> None:
    """Put the profiles into the user's own files, between two marks; all else in them stays.

    Raises:
        CannotDo: the user has a profile of one of these names.
    """
    others = {file: _OURS.sub("", file.read_text() if file.is_file() else "") for file in (config, credentials)}
    taken = {name for text in others.values() for name in _SECTION.findall(text)}
    for profile in profiles:
        if profile.name in taken:
            raise CannotDo(f"{config} or {credentials} has a profile {profile.name} of your own")
    for file, lines in ((config, _config(profiles, endpoint, region)), (credentials, _credentials(profiles))):
        text = others[file]
        gap = "" if not text or text.endswith("\n") else "\n"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(file.resolve(), f"{text}{gap}\n{_BEGIN}\n" + "\n".join(lines) + f"\n{_END}\n")


def user_files() -> tuple[Path, Path]:
    """Where AWS's tools look for config and credentials."""
    home = Path.home() / ".aws"
    return (
        Path(os.environ.get("AWS_CONFIG_FILE") or home / "config").expanduser(),
        Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials").expanduser(),
    )


def _config(profiles: Sequence[Profile], endpoint: str, region: str) -> Iterator[str]:
    for profile in profiles:
        yield "[default]" if profile.name == "default" else f"[profile {profile.name}]"
        yield f"region = {region}"
        yield f"endpoint_url = {endpoint}"


def _credentials(profiles: Sequence[Profile]) -> Iterator[str]:
    for profile in profiles:
        yield f"[{profile.name}]"
        yield f"aws_access_key_id = {profile.access_key}"
        yield f"aws_secret_access_key = {profile.secret}"


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    draft.replace(file)
