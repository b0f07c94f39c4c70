"""Launch templates and their versions. Column ``latest_version`` is the highest number ever given: none is reused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from backend.domain import launch_findings
from backend.domain.ids import SHORT_LENGTH
from backend.domain.page import Page
from backend.domain.profile import Template, TemplateVersion
from backend.domain.scope import Scope
from backend.store import rows
from backend.store.batches import chunks
from backend.store.tables import template_versions, templates

LATEST: Final = "$Latest"
DEFAULT: Final = "$Default"
_UUID_LENGTH: Final = 36

_t, _v = templates.c, template_versions.c
_OF_ID = select(templates).where(
    _t.project_id == bindparam("project"), _t.region == bindparam("in_region"), _t.id == bindparam("template")
)
"""Asked by each pass of an engine over a cluster: it is not built anew."""
_NEWEST = select(func.max(_v.version)).where(_v.template_id == bindparam("template"))
_VERSION = select(template_versions).where(_v.template_id == bindparam("template"), _v.version == bindparam("number"))


def find(
    conn: Connection, scope: Scope, *, template_id: str | None = None, name: str | None = None, lock: bool = False
) -> Template | None:
    """A template by its id (uuid or short id) or its name; both given, both must fit.

    Args:
        lock: hold the row until the transaction ends.
    """
    if template_id is not None and len(template_id) == _UUID_LENGTH and name is None and not lock:
        told = {"project": scope.project_id, "in_region": scope.region, "template": template_id}
        row = conn.execute(_OF_ID, told).one_or_none()
    else:
        conditions = [_within(scope)]
        if template_id is not None:
            conditions.append(_has_id(template_id))
        if name is not None:
            conditions.append(templates.c.name == name)
        statement = select(templates).where(*conditions)
        row = conn.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        return None
    # Read after the lock was given: another transaction may have added or removed the newest one meanwhile.
    newest = conn.execute(_NEWEST, {"template": row.id}).scalar_one()
    return replace(rows.template_of(row), latest_version=newest or 0)


def add(conn: Connection, template: Template) -> None:
    """Insert a template without versions.

    Raises:
        TemplateExists: the name is taken.
    """
    values = {
        "id": template.id,
        "project_id": template.project_id,
        "region": template.region,
        "name": template.name,
        "default_version": template.default_version,
        "latest_version": 0,
        "created_at": template.created_at,
        "created_by": template.created_by,
    }
    try:
        conn.execute(insert(templates).values(values))
    except IntegrityError:
        raise launch_findings.TemplateExists(template.name) from None


def next_number(conn: Connection, template_id: str) -> int:
    """Take the next version number of a locked template."""
    conn.execute(
        update(templates).where(templates.c.id == template_id).values(latest_version=templates.c.latest_version + 1)
    )
    number: int = conn.execute(select(templates.c.latest_version).where(templates.c.id == template_id)).scalar_one()
    return number


def add_version(conn: Connection, version: TemplateVersion) -> None:
    conn.execute(
        insert(template_versions).values(
            template_id=version.template_id,
            version=version.version,
            description=version.description,
            spec=rows.server_spec_document(version.spec),
            document=version.document,
            created_at=version.created_at,
            created_by=version.created_by,
        )
    )


def find_version(conn: Connection, scope: Scope, template_id: str, version: str | None) -> TemplateVersion | None:
    """One version of a template.

    Args:
        template_id: uuid or short id.
        version: a number, ``$Latest`` or ``$Default``; None means ``$Default``.
    """
    template = find(conn, scope, template_id=template_id)
    return None if template is None else version_of(conn, template, version)


def version_of(conn: Connection, template: Template, version: str | None) -> TemplateVersion | None:
    """One version of a template that was read in this transaction; ``version`` as in ``find_version``."""
    number = number_of(template, version)
    if number is None:
        return None
    row = conn.execute(_VERSION, {"template": template.id, "number": number}).one_or_none()
    return None if row is None else rows.template_version_of(row, template)


def versions_of(conn: Connection, found: Sequence[Template], version: str | None) -> list[TemplateVersion]:
    """That version of each template, in their order; templates without it are left out."""
    v = template_versions.c
    wanted = {(one.id, number): one for one in found if (number := number_of(one, version)) is not None}
    told: dict[tuple[str, int], Row[Any]] = {}
    for chunk in chunks(wanted):
        statement = select(template_versions).where(tuple_(v.template_id, v.version).in_(chunk))
        told |= {(row.template_id, row.version): row for row in conn.execute(statement)}
    return [rows.template_version_of(told[key], one) for key, one in wanted.items() if key in told]


def number_of(template: Template, version: str | None) -> int | None:
    """The number a version's name stands for, None where it cannot be one."""
    if version is None or version == DEFAULT:
        return template.default_version
    if version == LATEST:
        return template.latest_version
    return int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else None


def versions(
    conn: Connection, template: Template, *, minimum: int = 1, maximum: int | None = None, limit: int
) -> list[TemplateVersion]:
    """The newest versions of a template within the bounds, in descending order."""
    conditions = [template_versions.c.template_id == template.id, template_versions.c.version >= minimum]
    if maximum is not None:
        conditions.append(template_versions.c.version <= maximum)
    newest_first = template_versions.c.version.desc()
    statement = select(template_versions).where(*conditions).order_by(newest_first).limit(limit)
    return [rows.template_version_of(row, template) for row in conn.execute(statement)]


def change_default(conn: Connection, template_id: str, number: int) -> None:
    conn.execute(update(templates).where(templates.c.id == template_id).values(default_version=number))


def remove(conn: Connection, template_id: str) -> None:
    """Delete a locked template with all its versions."""
    conn.execute(delete(template_versions).where(template_versions.c.template_id == template_id))
    conn.execute(delete(templates).where(templates.c.id == template_id))


def remove_version(conn: Connection, template_id: str, number: int) -> bool:
    """Delete one version; whether there was one."""
    statement = delete(template_versions).where(
        template_versions.c.template_id == template_id, template_versions.c.version == number
    )
    return conn.execute(statement).rowcount > 0


def count(conn: Connection, scope: Scope) -> int:
    """How many templates there are in a scope."""
    number: int = conn.execute(select(func.count()).select_from(templates).where(_within(scope))).scalar_one()
    return number


def count_versions(conn: Connection, template_id: str) -> int:
    versions_of = select(template_versions.c.version).where(template_versions.c.template_id == template_id)
    number: int = conn.execute(select(func.count()).select_from(versions_of.subquery())).scalar_one()
    return number


def page(
    conn: Connection,
    scope: Scope,
    *,
    names: Collection[str] | None = None,
    after: str | None = None,
    limit: int,
) -> Page[Template]:
    """Templates of a scope in the order of their names.

    Args:
        names: only these.
        after: the name after which to start.
    """
    newest = (
        select(func.max(template_versions.c.version))
        .where(template_versions.c.template_id == templates.c.id)
        .scalar_subquery()
        .label("newest")
    )
    statement = select(templates, newest).where(_within(scope)).order_by(templates.c.name).limit(limit + 1)
    if names is not None:
        statement = statement.where(templates.c.name.in_(names))
    if after is not None:
        statement = statement.where(templates.c.name > after)
    found = [replace(rows.template_of(row), latest_version=row.newest or 0) for row in conn.execute(statement)]
    more = len(found) > limit
    return Page(found[:limit], found[limit - 1].name if more else None)


def _within(scope: Scope) -> ColumnElement[bool]:
    return and_(templates.c.project_id == scope.project_id, templates.c.region == scope.region)


def _has_id(template_id: str) -> ColumnElement[bool]:
    if len(template_id) == _UUID_LENGTH:
        return templates.c.id == template_id
    if len(template_id) != SHORT_LENGTH:
        return false()
    parts = (template_id[:8], template_id[8:12], template_id[12:16], template_id[16:])
    return templates.c.id.startswith("-".join(parts), autoescape=True)
