"""AWS tags, and what the driver notes for itself, in a server's metadata: reversible, readable where it can be. Pure.

Nova takes keys of letters, digits and ``-_:. `` only, and no value over 255 characters; AWS takes nearly any text, keys
to 128 and values to 256. A tag that fits is kept as it is, so that operators and meters read it; any other stands as
JSON in pieces under a key made of its hash.

Whoever may change a server may write anything here, into our own keys too. What does not have the shape of what we
write is not ours: it is passed over, and costs no more than its length to look at.

Source: Compute API Guide, "Server metadata"; EC2 User Guide, "Tag naming limits and requirements".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain import options
from backend.domain.node import Notice
from backend.domain.options import ServerOptions

OWN: Final = "coppice:"
LAUNCH: Final = "coppice:launch"
INSTALLATION: Final = "coppice:installation"
TYPE: Final = "coppice:type"
SUBNET: Final = "coppice:subnet"
BATCH: Final = "coppice:batch"
IMAGE: Final = "coppice:image"
PORTS: Final = "coppice:ports"
GROUP: Final = "coppice:group"
GROUP_NAME: Final = "coppice:group-name"
OPTION: Final = "coppice:option."
KEY: Final = "coppice:key"
PUBLIC: Final = "coppice:public"
NOTICE: Final = "coppice:notice"
"""Written by whatever takes servers back on a cloud, with a word of Notice; read, never written, by us."""
SPOT: Final = "coppice:spot"

_TAG: Final = "coppice:tag:"
_KEY: Final = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}")
_LONGEST: Final = 255
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_UNPAIRED: Final = re.compile("[\ud800-\udfff]")
_LONGEST_KEY: Final = 128
_LONGEST_VALUE: Final = 256
_MOST_PIECES: Final = 20
"""Of a tag as long as AWS lets it be, each letter of which JSON writes in twelve."""
_REBUILT: Final = "coppice rebuild "
_COUNT: Final = re.compile(r"[1-9][0-9]?")
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,36}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SIZE: Final = re.compile(r"[0-9]{1,5}")
_WORD: Final = 64
_NOTICES: Final = {str(each): each for each in Notice}


@dataclass(frozen=True, slots=True)
class Notes:
    """What the driver noted of a server when it made it, each as long as the columns it may go to; None where it did
    not, or where somebody wrote something else.

    Attributes:
        batch: of the request that made it.
        size: how many servers that request made.
        port_id: of the port that was made for it.
        key_name: of its key pair, where Nova has that by another name.
        public: it is to have a public address.
        notice: the cloud will take it back.
        preemptible: it was made of a class that the cloud may take back.
    """

    launch_id: str | None = None
    installation: str | None = None
    flavor: str | None = None
    subnet_id: str | None = None
    batch: str | None = None
    size: int = 1
    image_id: str | None = None
    port_id: str | None = None
    group_id: str | None = None
    group_name: str | None = None
    key_name: str | None = None
    public: bool = False
    notice: Notice | None = None
    preemptible: bool = False


def items_of(document: Mapping[str, Any]) -> Mapping[str, str]:
    """A server's metadata."""
    found = document.get("metadata")
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def notes_of(metadata: Mapping[str, str]) -> Notes:
    """What the driver noted for itself."""
    batch, _, size = metadata.get(BATCH, "").partition("/")
    return Notes(
        launch_id=_like(_UUID, metadata.get(LAUNCH)),
        installation=word(metadata.get(INSTALLATION)),
        flavor=word(metadata.get(TYPE)),
        subnet_id=_like(_ID, metadata.get(SUBNET)),
        batch=_like(_ID, batch),
        size=int(size) if _SIZE.fullmatch(size) else 1,
        image_id=_like(_ID, metadata.get(IMAGE)),
        port_id=_like(_ID, metadata.get(PORTS)),
        group_id=_like(_ID, metadata.get(GROUP)),
        group_name=word(metadata.get(GROUP_NAME), _LONGEST),
        key_name=word(metadata.get(KEY), _LONGEST),
        public=metadata.get(PUBLIC) == "true",
        notice=_NOTICES.get(metadata.get(NOTICE, "")),
        preemptible=metadata.get(SPOT) == "true",
    )


def rebuilt(mark: str) -> str:
    """The description of a server that is rebuilt by a request with that mark.

    It is told there and not in the metadata, which a rebuild replaces as a whole, with whatever others write meanwhile.
    """
    return f"{_REBUILT}{mark}"


def rebuild_mark_of(document: Mapping[str, Any]) -> str | None:
    """The mark of the request that a server was last rebuilt by."""
    text = document.get("description")
    return _like(_ID, text.removeprefix(_REBUILT)) if isinstance(text, str) and text.startswith(_REBUILT) else None


def may_describe(document: Mapping[str, Any]) -> bool:
    """Whether a server's description is nobody's, or ours."""
    return not document.get("description") or rebuild_mark_of(document) is not None


def options_of(metadata: Mapping[str, str]) -> ServerOptions:
    """The server's switches."""
    return options.of_words(
        {key.removeprefix(OPTION): text for key, text in metadata.items() if key.startswith(OPTION)}
    )


def option_items(values: ServerOptions) -> dict[str, str]:
    """The metadata items of switches that are not as usual."""
    return {OPTION + name: text for name, text in options.words(options.document(values)).items()}


def word(text: object, longest: int = _WORD) -> str | None:
    """A printable text of that length at most; None for anything else."""
    fits = isinstance(text, str) and 0 < len(text) <= longest and text.isprintable()
    return str(text) if fits else None


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
            if not _UNPAIRED.search(key + value):
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
    if not _COUNT.fullmatch(number) or int(number) > _MOST_PIECES:
        return None
    pieces = [first]
    for each in range(1, int(number)):
        piece = metadata.get(f"{head}.{each}")
        if piece is None:
            return None
        pieces.append(piece)
    try:
        pair = json.loads("".join(pieces))
    except (ValueError, RecursionError):  # numbers of thousands of digits, brackets in brackets
        return None
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
        return None
    key, value = pair
    fits = len(key) <= _LONGEST_KEY and len(value) <= _LONGEST_VALUE and not _UNPAIRED.search(key + value)
    # Under another head than its own it could never be changed or taken away again.
    return (key, value) if fits and _head(key) == head else None


def _like(shape: re.Pattern[str], text: str | None) -> str | None:
    return text if text is not None and shape.fullmatch(text) else None


def _head(key: str) -> str:
    return _TAG + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
