from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from backend.domain import launch_findings
from backend.domain.ids import short_id
from backend.domain.profile import BlockDevice, ServerSpec, Template, TemplateVersion
from backend.domain.requirements import Bounds, Requirements
from backend.domain.scope import Scope
from backend.store import templates
from backend.store.session import Store
from tests.factories import NOW, OTHER, SCOPE

SPEC = ServerSpec(
    image="0123456789abcdef0",
    security_group_ids=("a",),
    block_devices=(BlockDevice("/dev/sdb", 9),),
    tags={"a": "ü"},
    unsupported=("Placement.Tenancy",),
    requirements=Requirements(Bounds(1, 2), Bounds(1), allowed=("m*",)),
)


def template(name: str = "web", scope: Scope = SCOPE) -> Template:
    return Template(str(uuid4()), scope.project_id, scope.region, name, 1, 1, NOW, "arn:me")


def version(of: Template, number: int = 1) -> TemplateVersion:
    return TemplateVersion(
        of.id, of.name, number, number == of.default_version, f"v{number}", SPEC, {"KeyName": "k"}, NOW, "arn:me"
    )


def add(store: Store, of: Template, versions: int = 1) -> Template:
    def work(conn: Any) -> None:
        templates.add(conn, of)
        for _ in range(versions):
            templates.add_version(conn, version(of, templates.next_number(conn, of.id)))

    store.transact(work)
    return replace(of, latest_version=versions)


def test_a_template_comes_back_by_uuid_short_id_and_name(store: Store) -> None:
    made = add(store, template(), 3)
    with store.read() as conn:
        for found in (
            templates.find(conn, SCOPE, template_id=made.id),
            templates.find(conn, SCOPE, template_id=short_id(made.id)),
            templates.find(conn, SCOPE, name="web"),
            templates.find(conn, SCOPE, template_id=short_id(made.id), name="web"),
        ):
            assert found == made
        assert templates.find(conn, SCOPE, template_id=made.id, name="other") is None
        assert templates.find(conn, SCOPE, template_id="%") is None
        assert templates.find(conn, SCOPE, template_id="0" * 17) is None
        assert templates.find(conn, OTHER, template_id=made.id) is None
        assert templates.find(conn, SCOPE, name="WEB") is None
        assert templates.find(conn, SCOPE, name="web ") is None


def test_versions_by_number_and_by_name(store: Store) -> None:
    made = add(store, template(), 3)
    with store.read() as conn:
        for asked, number in ((None, 1), ("$Default", 1), ("$Latest", 3), ("2", 2), ("03", 3)):
            found = templates.find_version(conn, SCOPE, made.id, asked)
            assert found is not None
            assert found == version(made, number)
        for asked in ("4", "0", "x", "-1", "", "²", "9" * 30):
            assert templates.find_version(conn, SCOPE, made.id, asked) is None
        assert templates.find_version(conn, OTHER, made.id, "1") is None


def test_a_name_is_unique_in_a_scope(store: Store) -> None:
    add(store, template())
    with pytest.raises(launch_findings.TemplateExists):
        add(store, template())
    add(store, template(scope=OTHER))
    add(store, template("Web"))


def test_numbers_are_never_given_twice(store: Store) -> None:
    made = add(store, template(), 3)

    def work(conn: Any) -> int:
        assert templates.remove_version(conn, made.id, 3)
        assert not templates.remove_version(conn, made.id, 3)
        locked = templates.find(conn, SCOPE, template_id=made.id, lock=True)
        assert locked is not None
        assert locked.latest_version == 2
        return templates.next_number(conn, made.id)

    assert store.transact(work) == 4


def test_pages_and_counts(store: Store) -> None:
    for name in ("c", "a", "b"):
        add(store, template(name), 2)
    add(store, template("z", OTHER))
    with store.read() as conn:
        page = templates.page(conn, SCOPE, limit=2)
        assert ([each.name for each in page.items], page.marker) == (["a", "b"], "b")
        assert page.items[0].latest_version == 2
        rest = templates.page(conn, SCOPE, after=page.marker, limit=2)
        assert ([each.name for each in rest.items], rest.marker) == (["c"], None)
        assert [each.name for each in templates.page(conn, SCOPE, names=["c", "q"], limit=9).items] == ["c"]
        assert templates.count(conn, SCOPE) == 3
        found = templates.versions(conn, page.items[0], minimum=2, limit=9)
        assert [each.version for each in found] == [2]
        assert [each.version for each in templates.versions(conn, page.items[0], limit=9)] == [2, 1]
        assert [each.version for each in templates.versions(conn, page.items[0], limit=1)] == [2]
        assert [each.version for each in templates.versions(conn, page.items[0], maximum=1, limit=1)] == [1]
        assert templates.count_versions(conn, page.items[0].id) == 2


def test_default_and_removal(store: Store) -> None:
    made = add(store, template(), 2)
    store.transact(lambda conn: templates.change_default(conn, made.id, 2))
    with store.read() as conn:
        found = templates.find_version(conn, SCOPE, made.id, None)
    assert found is not None
    assert (found.version, found.is_default) == (2, True)
    store.transact(lambda conn: templates.remove(conn, made.id))
    with store.read() as conn:
        assert templates.find(conn, SCOPE, template_id=made.id) is None
