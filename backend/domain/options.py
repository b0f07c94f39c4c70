"""What a server is beside its shape: protections, and switches that its owner may turn while it is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Switches of one server, in AWS's words; an empty text is what the image or the type makes of it.

    Attributes:
        protected: its owner's requests may not end it; a cluster's scale-in may.
        kept_running: its owner's requests may neither stop nor end it.
        source_check: it may send and receive under its own addresses alone.
        monitored: its owner wants it measured in detail.
        credits: ``standard`` or ``unlimited``.
        tokens, endpoint, ipv6, metadata_tags: of the metadata service; ``hops`` 0: not said.
        recovery, reboot_migration: ``default`` or ``disabled``.
        hostname: ``ip-name`` or ``resource-name``; ``a_record``, ``aaaa_record``: names lead to it as a resource.
        cores, threads: of each of them, as asked for; 0: as the type has them.
    """

    protected: bool = False
    kept_running: bool = False
    source_check: bool = True
    monitored: bool = False
    ebs_optimized: bool = False
    credits: str = ""
    tokens: str = ""
    hops: int = 0
    endpoint: str = ""
    ipv6: str = ""
    metadata_tags: str = ""
    recovery: str = ""
    reboot_migration: str = ""
    hostname: str = ""
    a_record: bool = False
    aaaa_record: bool = False
    cores: int = 0
    threads: int = 0


USUAL: Final = ServerOptions()
_USUAL: Final[Mapping[str, bool | int | str]] = {each.name: getattr(USUAL, each.name) for each in fields(ServerOptions)}
_LONGEST: Final = 32
MOST: Final[Mapping[str, int]] = {"hops": 64, "cores": 1024, "threads": 2}
_BOOLEANS: Final = {"true": True, "false": False}


def document(options: ServerOptions) -> dict[str, Any]:
    """The fields that are not as usual."""
    return {name: value for name, usual in _USUAL.items() if (value := getattr(options, name)) != usual}


def words(values: Mapping[str, Any]) -> dict[str, str]:
    """Fields as texts."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def of_words(texts: Mapping[str, str]) -> ServerOptions:
    """The options of texts that ``words`` made. What cannot be one of ours is passed over: owners may write there."""
    found: dict[str, Any] = {}
    for name, usual in _USUAL.items():
        text = texts.get(name)
        if text is None:
            continue
        if isinstance(usual, bool):
            if text in _BOOLEANS:
                found[name] = _BOOLEANS[text]
        elif isinstance(usual, int):
            if text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) <= MOST[name]:
                found[name] = int(text)
        elif len(text) <= _LONGEST and text.isascii() and text.replace("-", "").isalpha():
            found[name] = text
    return ServerOptions(**found)
