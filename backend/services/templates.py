"""Launch templates: versioned profiles, written once and numbered; which of them is the default can change."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from backend import errors
from backend.clock import Clock
from backend.domain import launch_findings
from backend.domain.ids import short_id
from backend.domain.page import Page
from backend.domain.profile import ServerSpec, Template, TemplateVersion
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.store import client_tokens, counting, resource_tags
from backend.store import templates as rows
from backend.store.session import Store

Connection = Any  # the store's; only handed through here

LIMIT: Final = 5000
VERSIONS_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A template as a caller names it: by short id (17 hex digits) or uuid, by name, or by both, which must agree."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be written. ``document`` is the caller's own words (JSON), ``created_by`` an ARN."""

    spec: ServerSpec
    document: Mapping[str, Any]
    created_by: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of versions that were to be deleted.

    Attributes:
        gone: numbers that are deleted now.
        kept: numbers that could not be: the finding tells why.
    """

    template: Template
    gone: Sequence[int] = field(default_factory=tuple)
    kept: Sequence[tuple[int, errors.Finding]] = field(default_factory=tuple)


class Templates:
    """Launch templates of a project in a region.

    Every call that takes a TemplateRef may raise TemplateNotFound.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self,
        scope: Scope,
        name: str,
        version: NewVersion,
        *,
        tags: Mapping[str, str] | None = None,
        token: ClientToken | None = None,
    ) -> Template:
        """A new template with one version, which is its default.

        Args:
            tags: of the template itself.
            token: asked for again with the same token and the same words, the template made then is returned.

        Raises:
            TemplateExists, TokenReused, LimitExceeded.
            TokenUsed: what the token made has versions more by now, or is deleted.
        """

        def work(conn: Connection) -> str:
            counting.check(conn, scope, "templates", LIMIT, partial(rows.count, conn, scope))
            now = self._clock.now()
            template = Template(
                id=str(uuid.uuid4()),
                project_id=scope.project_id,
                region=scope.region,
                name=name,
                default_version=1,
                latest_version=1,
                created_at=now,
                created_by=version.created_by,
            )
            rows.add(conn, template)
            self._write_version(conn, template, version)
            resource_tags.put(conn, scope, tag_key(template.id), tags or {})
            return template.id

        template_id: str = self._once(scope, token, work)
        try:
            made = self.find(scope, TemplateRef(id=template_id))
        except launch_findings.TemplateNotFound:
            if token is None:
                raise
            raise errors.TokenUsed(token.value) from None
        if token is not None and made.latest_version > 1:
            raise errors.TokenUsed(token.value)
        return made

    def add_version(
        self, scope: Scope, ref: TemplateRef, version: NewVersion, *, token: ClientToken | None = None
    ) -> TemplateVersion:
        """The next version of a template. Raises TokenReused, LimitExceeded."""

        def work(conn: Connection) -> list[Any]:
            template = _found(rows.find(conn, scope, template_id=ref.id, name=ref.name, lock=True), ref)
            return [template.id, self._write_version(conn, template, version)]

        template_id, number = self._once(scope, token, work)
        return self.version(scope, TemplateRef(id=template_id), str(number))

    def find(self, scope: Scope, ref: TemplateRef) -> Template:
        with self._store.read() as conn:
            return _found(rows.find(conn, scope, template_id=ref.id, name=ref.name), ref)

    def page(
        self, scope: Scope, *, names: Collection[str] | None = None, after: str | None = None, limit: int
    ) -> Page[Template]:
        """Templates by name; ``after`` is the marker of the page before. Names that match nothing are left out."""
        with self._store.read() as conn:
            return rows.page(conn, scope, names=names, after=after, limit=limit)

    def version(self, scope: Scope, ref: TemplateRef, version: str | None) -> TemplateVersion:
        """One version; ``version`` is a number, ``$Latest``, ``$Default``, or None, which means the default.

        Raises:
            TemplateVersionNotFound.
        """
        with self._store.read() as conn:
            template = _found(rows.find(conn, scope, template_id=ref.id, name=ref.name), ref)
            found = rows.version_of(conn, template, version)
        if found is None:
            raise _no_version(template, version or rows.DEFAULT)
        return found

    def versions(
        self,
        scope: Scope,
        ref: TemplateRef,
        *,
        minimum: int = 1,
        maximum: int | None = None,
        limit: int,
    ) -> list[TemplateVersion]:
        """The newest versions of a template within the bounds, in descending order."""
        with self._store.read() as conn:
            template = _found(rows.find(conn, scope, template_id=ref.id, name=ref.name), ref)
            return rows.versions(conn, template, minimum=minimum, maximum=maximum, limit=limit)

    def each_version(self, scope: Scope, version: str, *, after: str | None, limit: int) -> Page[TemplateVersion]:
        """The ``$Latest`` or ``$Default`` version of every template, by template name."""
        with self._store.read() as conn:
            page = rows.page(conn, scope, after=after, limit=limit)
            return Page(rows.versions_of(conn, page.items, version), page.marker)

    def change_default(
        self, scope: Scope, ref: TemplateRef, version: str, *, token: ClientToken | None = None
    ) -> Template:
        """Make a version the default; asked for again with the same token it does nothing more.

        Raises:
            TemplateVersionNotFound
            TokenUsed: the token came with other words before.
        """

        def work(conn: Connection) -> int:
            template = _found(rows.find(conn, scope, template_id=ref.id, name=ref.name, lock=True), ref)
            found = rows.version_of(conn, template, version)
            if found is None:
                raise _no_version(template, version)
            rows.change_default(conn, template.id, found.version)
            return found.version

        try:
            number = self._once(scope, token, work)
        except errors.TokenReused as found:
            raise errors.TokenUsed(found.token) from found
        return replace(self.find(scope, ref), default_version=number)

    def delete(self, scope: Scope, ref: TemplateRef) -> Template:
        """Delete a template with its versions and tags. Clusters that launch from it keep naming it, as at AWS."""

        def work(conn: Connection) -> Template:
            template = _found(rows.find(conn, scope, template_id=ref.id, name=ref.name, lock=True), ref)
            rows.remove(conn, template.id)
            resource_tags.remove(conn, scope, tag_key(template.id))
            return template

        return self._store.transact(work)

    def delete_versions(self, scope: Scope, ref: TemplateRef, versions: Sequence[str]) -> Deleted:
        """Delete some versions; unknown ones are told with the reason.

        Raises:
            TemplateDefaultVersionKept: the default one is among them; nothing is deleted then.
        """

        def work(conn: Connection) -> Deleted:
            template = _found(rows.find(conn, scope, template_id=ref.id, name=ref.name, lock=True), ref)
            gone: list[int] = []
            kept: list[tuple[int, errors.Finding]] = []
            numbers: dict[int, None] = {}
            for version in dict.fromkeys(versions):
                number = rows.number_of(template, version)
                if number is None:
                    raise _no_version(template, version)
                if number == template.default_version:
                    raise launch_findings.TemplateDefaultVersionKept(template.id, number)
                numbers[number] = None
            for number in numbers:
                if rows.remove_version(conn, template.id, number):
                    gone.append(number)
                else:
                    kept.append((number, _no_version(template, str(number))))
            return Deleted(template, gone, kept)

        return self._store.transact(work)

    def _write_version(self, conn: Connection, template: Template, version: NewVersion) -> int:
        if rows.count_versions(conn, template.id) >= VERSIONS_LIMIT:
            raise errors.LimitExceeded("template_versions", VERSIONS_LIMIT)
        number = rows.next_number(conn, template.id)
        rows.add_version(
            conn,
            TemplateVersion(
                template_id=template.id,
                template_name=template.name,
                version=number,
                is_default=number == template.default_version,
                description=version.description,
                spec=version.spec,
                document=version.document,
                created_at=self._clock.now(),
                created_by=version.created_by,
            ),
        )
        return number

    def _once(self, scope: Scope, token: ClientToken | None, work: Callable[[Connection], Any]) -> Any:
        def guarded(conn: Connection) -> Any:
            if token is None:
                return work(conn)
            kept = client_tokens.find(conn, scope, token)
            if kept is not None:
                if kept.fingerprint != token.fingerprint:
                    raise errors.TokenReused(token.value)
                return kept.result
            result = work(conn)
            client_tokens.add(conn, scope, token, result, self._clock.now())
            return result

        try:
            return counting.transact(self._store, guarded)
        except errors.StaleRead:
            return self._store.transact(guarded)  # the other request of this token has ended: its result is there


def tag_key(template_id: str) -> str:
    """The id under which a template's tags are kept."""
    return f"lt-{short_id(template_id)}"


def _found(template: Template | None, ref: TemplateRef) -> Template:
    if template is None:
        raise launch_findings.TemplateNotFound(ref.id, ref.name)
    return template


def _no_version(template: Template, version: str) -> launch_findings.TemplateVersionNotFound:
    return launch_findings.TemplateVersionNotFound(template.name, template.id, version)
