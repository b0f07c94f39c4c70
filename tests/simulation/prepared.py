"""Statements that are asked again and again, without what SQLAlchemy does each time to ask one of any database.

The text, and the types of what is bound and of what comes back, are those that SQLAlchemy itself took the first time;
what it does round them is left out, and a quarter of a run's time with it. All that is not plain goes SQLAlchemy's way:
several rows of parameters, tuples in ``IN``, columns with defaults. So does again what the database refused, for the error
to be SQLAlchemy's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

from sqlalchemy import Connection
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.row import Row
from sqlalchemy.sql.compiler import SQLCompiler

_MARK = "_kept"
_SEEN = object()
_NOT_HERE = "not here, where rows are told as they are found: ask SQLAlchemy's way"
_NOTHING: dict[str, Any] = {}
Processor = Callable[[Any], Any]


class Preparing(Connection):
    """A connection to SQLite that remembers how statements are asked, by what SQLAlchemy knows them by."""

    raw: sqlite3.Connection

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        told = _NOTHING if parameters is None else parameters
        if isinstance(told, list) and len(told) == 1:
            told = told[0]
        if execution_options is not None or not isinstance(told, dict):
            return super().execute(statement, parameters, execution_options=execution_options)
        kept = statement.__dict__.get(_MARK)
        # A statement that was made from another begins with what that one keeps.
        if isinstance(kept, Kept) and kept.statement is statement and kept.prepared.names == told.keys():
            prepared, values = kept.prepared, kept.values
        else:
            known_by = statement._generate_cache_key()
            if known_by is None:
                return super().execute(statement, parameters)
            key = (known_by.key, *told)
            prepared = _known.get(key)
            if prepared is None:
                result = super().execute(statement, parameters)
                _known[key] = _prepared(told, result)
                return result
            if prepared is _NEVER:
                return super().execute(statement, parameters)
            values = prepared.given(known_by.bindparams)
            # Not the first time: what is built anew for each asking would be kept alive by what it keeps.
            statement.__dict__[_MARK] = _SEEN if kept is None else Kept(statement, prepared, values)
        try:
            return prepared.ask(self.raw, values, told)
        except sqlite3.Error:
            return super().execute(statement, parameters)


class Written:
    """What comes back of a statement that reads nothing."""

    def __init__(self, rowcount: int) -> None:
        self.rowcount = rowcount


class Rows(IteratorResult[Any]):
    """What a statement found."""

    def __init__(self, metadata: Any, make_row: Callable[[Any], Row[Any]], found: sqlite3.Cursor) -> None:
        super().__init__(metadata, found)
        self._row_getter = make_row
        self._found = found

    def first(self) -> Any:
        found = self._found.fetchone()
        self._found.close()
        return None if found is None else self._row_getter(found)

    def all(self) -> Any:
        return [self._row_getter(found) for found in self._found.fetchall()]

    def columns(self, *_: Any) -> NoReturn:
        raise NotImplementedError(_NOT_HERE)

    def unique(self, strategy: Any = None) -> NoReturn:
        raise NotImplementedError(_NOT_HERE)


class Prepared:
    """How statements are asked that differ in what is bound alone, with parameters of these names.

    Attributes:
        fixed: what is bound whoever asks, by name in the text.
        own: name in the text, the place of its value among those of a statement, and what makes of it what is bound.
        told: name in the text, name among the parameters, and what makes of it what is bound.
        lists: names in the text of lists in ``IN``.
        texts: how it is asked, by how long these are.
    """

    def __init__(self, compiled: SQLCompiler, names: frozenset[str]) -> None:
        self.names = names
        self.fixed: dict[str, Any] = {}
        self.own: list[tuple[str, int, Processor | None]] = []
        self.told: list[tuple[str, str, Processor | None]] = []
        self.lists = tuple(compiled.bind_names[each] for each in compiled.post_compile_params)
        self.texts: dict[tuple[int, ...], Text] = {}
        self.metadata: Any = None
        self.make_row: Callable[[Any], Row[Any]] | None = None
        self._compiled = compiled

    def given(self, parameters: Sequence[Any]) -> dict[str, Any]:
        """What a statement binds by itself, by name in the text."""
        values = self.fixed.copy()
        for name, at, processor in self.own:
            value = parameters[at].value
            values[name] = value if processor is None else processor(value)
        return values

    def ask(self, raw: sqlite3.Connection, given: Mapping[str, Any], told: Mapping[str, Any]) -> Any:
        values = dict(given)
        for name, key, processor in self.told:
            values[name] = told[key] if processor is None else processor(told[key])
        lengths = tuple([len(values[name]) for name in self.lists])
        text = self.texts.get(lengths)
        if text is None:
            text = self.texts[lengths] = self._rendered(values)
        for name, parts in text.parts:
            values.update(
                (part, value if processor is None else processor(value))
                for (part, processor), value in zip(parts, values[name], strict=True)
            )
        found = raw.execute(text.sql, [values[name] for name in text.order])
        if self.make_row is None:
            return Written(found.rowcount)
        return Rows(self.metadata, self.make_row, found)

    def _rendered(self, values: Mapping[str, Any]) -> Text:
        compiled = self._compiled
        if not self.lists:
            return Text(compiled.string, tuple(compiled.positiontup), ())
        expanded = compiled._process_parameters_for_postcompile(dict(values))
        processors = {**compiled._bind_processors, **expanded.processors}
        parts = tuple(
            (name, tuple((part, processors.get(part)) for part in expanded.parameter_expansion[name]))
            for name in self.lists
        )
        return Text(expanded.statement, tuple(expanded.positiontup), parts)


class Text(NamedTuple):
    """What the database is asked.

    Attributes:
        order: names of what is bound, one for each place.
        parts: of each list its name, and the names and processors of what is bound of it.
    """

    sql: str
    order: tuple[str, ...]
    parts: tuple[tuple[str, tuple[tuple[str, Processor | None], ...]], ...]


class Kept(NamedTuple):
    """What a statement keeps that may be asked again."""

    statement: Any
    prepared: Prepared
    values: dict[str, Any]


_NEVER: Any = object()
"""In the place of how a statement is asked: it goes SQLAlchemy's way."""
_known: dict[Any, Any] = {}


def _prepared(told: Mapping[str, Any], result: Any) -> Any:
    """How a statement is asked, by how SQLAlchemy has just asked it."""
    compiled = result.context.compiled
    if not isinstance(compiled, SQLCompiler) or not _is_plain(compiled, result):
        return _NEVER
    made = Prepared(compiled, frozenset(told))
    places = _places(compiled)
    for parameter, name in compiled.bind_names.items():
        key = next((key for key in (parameter.key, name) if key in told), None)
        processor = None if name in made.lists else compiled._bind_processors.get(name)
        if key is not None:
            made.told.append((name, key, processor))
        elif parameter.callable is not None:
            return _NEVER
        elif parameter in places:
            made.own.append((name, places[parameter], processor))
        else:
            made.fixed[name] = parameter.value if processor is None else processor(parameter.value)
    metadata = result._metadata
    if metadata.returns_rows:
        made.metadata = metadata
        made.make_row = partial(Row, metadata, metadata._effective_processors, metadata._key_to_index)
    return made


def _places(compiled: SQLCompiler) -> dict[Any, int]:
    """Of each parameter the place of its value among those of a statement that is known by the same key."""
    if compiled.cache_key is None or compiled._cache_key_bind_match is None:
        return {}
    same, _ = compiled._cache_key_bind_match
    return {each: at for at, one in enumerate(compiled.cache_key.bindparams) for each in same[one]}


def _is_plain(compiled: SQLCompiler, result: Any) -> bool:
    writes = compiled.isinsert or compiled.isupdate or compiled.isdelete
    if writes and (compiled.insert_prefetch or compiled.update_prefetch or result._metadata.returns_rows):
        return False
    in_tuples = any(each.type._is_tuple_type for each in compiled.post_compile_params)
    return not (in_tuples or compiled.literal_execute_params or compiled.escaped_bind_names)
