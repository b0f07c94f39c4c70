"""AWS tags, and what the driver notes for itself, in a server's metadata: reversible, readable where it can be. Pure.

Nova takes keys of letters, digits and ``-_:. `` only, and no value over 255 characters; AWS takes nearly any text, keys
to 128 and values to 256. A tag that fits is kept as it is, so that operators and meters read it; any other stands as
JSON in pieces under a key made of its hash.

Source: Compute API Guide, "Server metadata"; EC2 User Guide, "Tag naming limits and requirements".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

OWN: Final = "coppice:"
LAUNCH: Final = "coppice:launch"
TYPE: Final = "coppice:type"
SUBNET: Final = "coppice:subnet"
BATCH: Final = "coppice:batch"
IMAGE: Final = "coppice:image"
PORTS: Final = "coppice:ports"
GROUP: Final = "coppice:group"
GROUP_NAME: Final = "coppice:group-name"

_TAG: Final = "coppice:tag:"
_KEY: Final = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}")
_LONGEST: Final = 255
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")


def encoded(tags: Mapping[str, str]) -> dict[str, str]:
    """The metadata items of tags."""
    items: dict[str, str] = {}
    for key, value in tags.items():
        items.update(_item(key, value))
    return items


def decoded(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags of a server's metadata; what the driver noted for itself is left out."""
    tags: dict[str, str] = {}
    for key, value in metadata.items():
        if not key.startswith(OWN):
            tags[key] = value
        elif key.startswith(_TAG) and key.endswith(".0"):
            pair = _joined(key[:-2], metadata)
            if pair is not None:
                tags[pair[0]] = pair[1]
    return tags


def stale(metadata: Mapping[str, str], put: Mapping[str, str], remove: frozenset[str]) -> list[str]:
    """The metadata keys that go when tags are put and removed, the first piece of each tag first."""
    fresh = encoded(put)
    changed = remove | put.keys()
    heads = {_head(key) for key in changed}
    gone = [
        key
        for key in metadata
        if key not in fresh
        and (key.rpartition(".")[0] in heads if key.startswith(_TAG) else key in changed and not key.startswith(OWN))
    ]
    return sorted(gone)


def _item(key: str, value: str) -> dict[str, str]:
    plain = _KEY.fullmatch(key) and key == key.strip() and not key.startswith(OWN)
    if plain and len(value) <= _LONGEST and not _ASTRAL.search(value):
        return {key: value}
    text = json.dumps([key, value], ensure_ascii=False, separators=(",", ":"))
    # Nova's columns hold no characters beyond the first plane.
    text = _ASTRAL.sub(lambda found: json.dumps(found[0])[1:-1], text)
    room = _LONGEST - 4
    pieces = [text[start : start + room] for start in range(0, len(text), room)]
    head = _head(key)
    items = {f"{head}.{number}": piece for number, piece in enumerate(pieces)}
    items[f"{head}.0"] = f"{len(pieces)}/{pieces[0]}"
    return items


def _joined(head: str, metadata: Mapping[str, str]) -> tuple[str, str] | None:
    number, _, first = metadata[f"{head}.0"].partition("/")
    if not number.isdecimal():
        return None
    pieces = [first, *(metadata.get(f"{head}.{each}", "") for each in range(1, int(number)))]
    try:
        pair = json.loads("".join(pieces))
    except json.JSONDecodeError:
        return None
    ours = isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) for each in pair)
    return (pair[0], pair[1]) if ours else None


def _head(key: str) -> str:
    return _TAG + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
