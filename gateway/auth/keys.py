"""The embedded cloud's key pair: made at the first start, kept in a file that a shell can source."""

from __future__ import annotations

import os
import re
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"^export ([A-Z_]+)=(.*)$", re.MULTILINE)
_ALPHABET = string.ascii_uppercase + "234567"
_SECRET_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class KeyPair:
    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"KeyPair({self.access_key!r}, ...)"


def keep(path: Path, endpoint: str, region: str) -> KeyPair:
    """The key pair of the file, made if there is none; endpoint and region are written anew.

    Raises:
        OSError: the file cannot be read or written.
    """
    known = dict(_LINE.findall(path.read_text())) if path.exists() else {}
    pair = KeyPair(
        known.get("AWS_ACCESS_KEY_ID") or "AKIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
        known.get("AWS_SECRET_ACCESS_KEY") or "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40)),
    )
    text = "".join(f"{line}\n" for line in exports(pair, endpoint, region))
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return pair


def read(path: Path) -> KeyPair:
    """The key pair of an existing file. Raises OSError, KeyError."""
    known = dict(_LINE.findall(path.read_text()))
    return KeyPair(known["AWS_ACCESS_KEY_ID"], known["AWS_SECRET_ACCESS_KEY"])


def exports(pair: KeyPair, endpoint: str, region: str) -> list[str]:
    """Lines for a shell that point AWS tools here."""
    return [
        f"export AWS_ENDPOINT_URL={endpoint}",
        f"export AWS_ACCESS_KEY_ID={pair.access_key}",
        f"export AWS_SECRET_ACCESS_KEY={pair.secret_key}",
        f"export AWS_DEFAULT_REGION={region}",
    ]
