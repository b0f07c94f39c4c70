"""Parameters and their versions."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from backend.domain.parameters import Parameter, ParameterMissing, ParameterVersionMissing, key_of
from backend.domain.scope import Scope
from backend.store.identity_tables import parameters
from backend.store.records import Records

PARAMETERS: Final = Records(parameters, Parameter)


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
