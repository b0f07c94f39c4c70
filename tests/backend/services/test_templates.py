from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import errors
from backend.domain import launch_findings
from backend.domain.ids import short_id
from backend.domain.profile import ServerSpec
from backend.domain.token import ClientToken
from backend.services import templates as module
from backend.services.templates import NewVersion, TemplateRef, Templates
from tests.factories import OTHER, SCOPE, World

WEB = TemplateRef(name="web")


def new(instance_type: str = "t3.micro") -> NewVersion:
    return NewVersion(ServerSpec(instance_type=instance_type), {"InstanceType": instance_type}, "arn:me")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(url=f"sqlite:///{tmp_path}/t.db")
    yield world
    world.close()


@pytest.fixture
def templates(world: World) -> Templates:
    return world.backend.templates


def test_versions_resolve_by_any_name_of_the_template(templates: Templates) -> None:
    made = templates.create(SCOPE, "web", new())
    templates.add_version(SCOPE, WEB, new("t3.small"))
    for ref in (WEB, TemplateRef(id=made.id), TemplateRef(id=short_id(made.id)), TemplateRef(made.id, "web")):
        assert templates.version(SCOPE, ref, "$Latest").spec.instance_type == "t3.small"
        assert templates.version(SCOPE, ref, None).version == 1
    with pytest.raises(launch_findings.TemplateNotFound):
        templates.version(SCOPE, TemplateRef(made.id, "other"), None)
    with pytest.raises(launch_findings.TemplateNotFound):
        templates.version(OTHER, WEB, None)
    with pytest.raises(launch_findings.TemplateVersionNotFound):
        templates.version(SCOPE, WEB, "3")


def _at_once(count: int, work) -> list[object]:  # type: ignore[no-untyped-def]
    barrier, outcomes = threading.Barrier(count), []

    def run(index: int) -> None:
        barrier.wait()
        try:
            outcomes.append(work(index))
        except errors.Finding as found:
            outcomes.append(found)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_creates_at_once_one_wins(templates: Templates) -> None:
    outcomes = _at_once(4, lambda _: templates.create(SCOPE, "web", new()).id)
    assert sum(isinstance(outcome, launch_findings.TemplateExists) for outcome in outcomes) == 3


def test_one_token_at_once_makes_one(templates: Templates) -> None:
    token = ClientToken("CreateLaunchTemplate", "t", "f")
    outcomes = _at_once(4, lambda _: templates.create(SCOPE, "web", new(), token=token).id)
    assert len(set(outcomes)) == 1


def test_versions_made_at_once_get_numbers_of_their_own(templates: Templates) -> None:
    templates.create(SCOPE, "web", new())
    outcomes = _at_once(4, lambda _: templates.add_version(SCOPE, WEB, new()).version)
    assert sorted(outcomes) == [2, 3, 4, 5]  # type: ignore[type-var]


def test_a_token_with_other_words_is_refused(templates: Templates) -> None:
    templates.create(SCOPE, "web", new(), token=ClientToken("C", "t", "one"))
    with pytest.raises(errors.TokenReused):
        templates.create(SCOPE, "web2", new(), token=ClientToken("C", "t", "two"))
    templates.create(OTHER, "web2", new(), token=ClientToken("C", "t", "two"))


def test_limits(templates: Templates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 1)
    monkeypatch.setattr(module, "VERSIONS_LIMIT", 2)
    templates.create(SCOPE, "web", new())
    with pytest.raises(errors.LimitExceeded):
        templates.create(SCOPE, "web2", new())
    templates.add_version(SCOPE, WEB, new())
    with pytest.raises(errors.LimitExceeded):
        templates.add_version(SCOPE, WEB, new())


def test_the_default_cannot_be_deleted(templates: Templates) -> None:
    templates.create(SCOPE, "web", new())
    templates.add_version(SCOPE, WEB, new())
    for default in ("1", "$Default"):
        with pytest.raises(launch_findings.TemplateDefaultVersionKept):
            templates.delete_versions(SCOPE, WEB, ["$Latest", default])
    outcome = templates.delete_versions(SCOPE, WEB, ["$Latest", "7", "7"])
    assert outcome.gone == [2]
    assert [(number, type(found)) for number, found in outcome.kept] == [(7, launch_findings.TemplateVersionNotFound)]


def test_a_tokens_template_that_is_gone_stays_gone(templates: Templates) -> None:
    token = ClientToken("C", "t", "f")
    templates.create(SCOPE, "web", new(), token=token)
    templates.delete(SCOPE, WEB)
    with pytest.raises(errors.TokenUsed):
        templates.create(SCOPE, "web", new(), token=token)
