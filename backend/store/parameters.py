"""Parameters and their versions."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from backend.domain.parameters import (
    Parameter,
    ParameterExists,
    ParameterMissing,
    ParameterType,
    ParameterVersionMissing,
    key_of,
)
from backend.domain.scope import Scope
from backend.domain.words import known
from backend.store.identity_tables import parameters
from backend.store.records import Records

PARAMETERS: Final = Records(parameters, Parameter)
_c: Final = parameters.c

_HEADS: Final = [column for column in parameters.c if column.name not in {"project_id", "region", "value"}]


def heads(conn: Connection, scope: Scope, *, after: str = "", below: str = "", most: int) -> list[Parameter]:
    """The latest versions of the next parameters without their values, by name: values of many are much to read.

    Args:
        after: the name before them.
        below: how their names begin; on SQLite in any case of its letters.
    """
    c = parameters.c
    within = [c.project_id == scope.project_id, c.region == scope.region, c.latest.is_(True), c.name > after]
    if below:
        within.append(c.name.startswith(below, autoescape=True))
    found = conn.execute(select(*_HEADS).where(*within).order_by(c.name).limit(most)).mappings()
    return [Parameter(**{**row, "type": known(ParameterType, row["type"]), "value": ""}) for row in found]


def lock(conn: Connection, scope: Scope, key: str) -> None:
    """Have all versions of a parameter alone until the transaction ends: what is read of them then is the newest."""
    mine = (_c.project_id == scope.project_id, _c.region == scope.region, _c.parameter == key)
    conn.execute(select(_c.id).where(*mine).order_by(_c.number).with_for_update())


def add(conn: Connection, scope: Scope, made: Parameter) -> None:
    """Keep a version. Raises ParameterExists: another was quicker."""
    try:
        PARAMETERS.add(conn, scope, made)
    except IntegrityError as error:
        raise ParameterExists(made.name) from error


def find(conn: Connection, scope: Scope, name: str, selector: str | None = None) -> Parameter:
    """A version of a parameter: the latest, or that of a number or a label.

    Raises:
        ParameterMissing, ParameterVersionMissing
    """
    if selector is None:
        latest = PARAMETERS.one(conn, scope, parameter=key_of(name), latest=True)
        if latest is None:
            raise ParameterMissing(name)
        return latest
    versions = PARAMETERS.all(conn, scope, parameter=key_of(name))
    for each in versions:
        if str(each.number) == selector or selector in each.labels:
            return each
    raise ParameterVersionMissing(name, selector) if versions else ParameterMissing(name)
