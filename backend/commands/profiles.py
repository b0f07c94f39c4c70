"""Accounts of the embedded cloud as profiles of AWS's tools: files of our own, and on demand a part of the user's."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backend.commands import CannotDo

FOLDER: Final = "aws"
_BEGIN: Final = "# >>> coppice: these lines are written by coppice account"
_END: Final = "# <<< coppice"
_OURS: Final = re.compile(rf"(?:\r?\n)?{re.escape(_BEGIN)}.*?{re.escape(_END)}\r?\n", re.DOTALL)
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
    made = {config: _config(profiles, endpoint, region), credentials: _credentials(profiles)}
    _replace({file: "\n".join(lines) + "\n" for file, lines in made.items()})
    return config, credentials


def write_into(config: Path, credentials: Path, profiles: Sequence[Profile], endpoint: str, region: str) -> None:
    """Put the profiles into the user's own files, between two marks; all else in them stays, byte for byte.

    Raises:
        CannotDo: the user has a profile of one of these names, or one file for both.
        OSError: a file cannot be read or written.
    """
    if config.resolve() == credentials.resolve():
        raise CannotDo(f"{config} is the file of config and of credentials in one")
    others = {file: _OURS.sub("", _read(file)) for file in (config, credentials)}
    taken = {name for text in others.values() for name in _SECTION.findall(text)}
    for profile in profiles:
        if profile.name in taken:
            raise CannotDo(f"{config} or {credentials} has a profile {profile.name} of your own")
    texts = {}
    for file, lines in ((config, _config(profiles, endpoint, region)), (credentials, _credentials(profiles))):
        text = others[file]
        gap = "" if not text or text.endswith("\n") else "\n"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        texts[file.resolve()] = f"{text}{gap}\n{_BEGIN}\n" + "\n".join(lines) + f"\n{_END}\n"
    _replace(texts)


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


def _read(file: Path) -> str:
    """The text of a file with its ends of lines, whatever its letters are; empty where it is not there."""
    return file.read_bytes().decode("utf-8", "surrogateescape") if file.is_file() else ""


def _replace(texts: Mapping[Path, str]) -> None:
    """Write these files anew, for their owner alone: whole ones are put in place when all of them are written."""
    drafts: dict[Path, Path] = {}
    try:
        for file, text in texts.items():
            handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
            drafts[file] = Path(name)
            with os.fdopen(handle, "wb") as written:
                written.write(text.encode("utf-8", "surrogateescape"))
                written.flush()
                os.fsync(written.fileno())
        for file in texts:
            drafts.pop(file).replace(file)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
