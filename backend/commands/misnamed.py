"""Settings that no option has: a slip in a name, by which a setting would do nothing and nobody be told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Final

from oslo_config import cfg

Known = Mapping[str, Collection[str]]
"""The names of the options of each group."""
DEFAULT: Final = "DEFAULT"
_OTHERS: Final = frozenset({"key_manager", "barbican", "barbican_service_user", "vault"})
"""Groups of castellan's, which may not be installed; it knows what is in them."""
_PREFIX, _BETWEEN = "OS_", "__"


def names(known: Known, file: str | None, environment: Mapping[str, str]) -> list[str]:
    """Those that are set and that nobody reads, as ``[group] option``.

    Args:
        file: of settings; None: there is none. What is wrong with it otherwise is told by who reads it.
        environment: variables by their names.
    """
    found = [*_of_file(known, file)] if file else []
    return sorted({*found, *_of_environment(known, environment)})


def _of_file(known: Known, file: str) -> Iterator[str]:
    sections: dict[str, dict[str, list[str]]] = {}
    with suppress(cfg.ParseError, OSError, UnicodeError):
        cfg.ConfigParser(file, sections).parse()
    for written, options in sections.items():
        group = written if written == DEFAULT else written.lower()  # as oslo.config reads them
        if group not in _OTHERS:
            yield from (f"[{written}] {option}" for option in options if option not in known.get(group, ()))


def _of_environment(known: Known, environment: Mapping[str, str]) -> Iterator[str]:
    groups = {group.upper(): (group, {each.upper() for each in options}) for group, options in known.items()}
    for variable in environment:
        if not variable.startswith(_PREFIX) or _BETWEEN not in variable:
            continue
        group, _, option = variable.removeprefix(_PREFIX).partition(_BETWEEN)
        if group.lower() not in _OTHERS and option not in groups.get(group, (group, ()))[1]:
            yield f"{variable} of the environment"
