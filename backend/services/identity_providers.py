"""Providers of OpenID Connect: records, whose tokens nobody exchanges here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from backend import errors
from backend.clock import Clock
from backend.domain.identities import IdentityExists, IdentityMissing, OidcProvider, everywhere
from backend.domain.scope import Scope
from backend.services import identities
from backend.store import counting
from backend.store import identities as rows
from backend.store.session import Connection, Store


class IdentityProviders:
    """Providers are named by their URL without its scheme.

    Each call may raise StoreUnavailable, and IdentityMissing where it names one.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self, scope: Scope, url: str, client_ids: Sequence[str], thumbprints: Sequence[str], tags: Mapping[str, str]
    ) -> OidcProvider:
        """Keep a provider. Raises IdentityExists, LimitExceeded."""
        here = everywhere(scope)
        _check_clients(client_ids)

        def work(conn: Connection) -> OidcProvider:
            if rows.PROVIDERS.count(conn, here, url=url):
                raise IdentityExists("provider", url)
            counting.check(conn, here, "provider", identities.PROVIDERS, partial(rows.PROVIDERS.count, conn, here))
            made = OidcProvider(
                id=identities.digits(),
                url=url,
                client_ids=tuple(dict.fromkeys(client_ids)),
                thumbprints=tuple(thumbprints),
                created_at=self._clock.now().replace(microsecond=0),
                tags=identities.retagged({}, tags),
            )
            rows.PROVIDERS.add(conn, here, made)
            return made

        return self._store.transact(work)

    def find(self, scope: Scope, url: str) -> OidcProvider:
        with self._store.read() as conn:
            return _found(conn, everywhere(scope), url)

    def list(self, scope: Scope) -> Sequence[OidcProvider]:
        """All of the project, by URL."""
        with self._store.read() as conn:
            return sorted(rows.PROVIDERS.all(conn, everywhere(scope)), key=lambda each: each.url)

    def delete(self, scope: Scope, url: str) -> None:
        """Delete one; one that is not there is no finding, as at AWS."""
        here = everywhere(scope)
        self._store.transact(lambda conn: rows.PROVIDERS.remove(conn, here, url=url))

    def add_client(self, scope: Scope, url: str, client_id: str) -> None:
        """Safe to repeat. Raises LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            provider = _held(conn, here, url)
            clients = tuple(dict.fromkeys((*provider.client_ids, client_id)))
            _check_clients(clients)
            rows.PROVIDERS.change(conn, here, provider.id, client_ids=clients)

        self._store.transact(work)

    def remove_client(self, scope: Scope, url: str, client_id: str) -> None:
        """Safe to repeat."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            provider = _held(conn, here, url)
            left = tuple(each for each in provider.client_ids if each != client_id)
            rows.PROVIDERS.change(conn, here, provider.id, client_ids=left)

        self._store.transact(work)

    def change_thumbprints(self, scope: Scope, url: str, thumbprints: Sequence[str]) -> None:
        """Put these in the place of those that there are."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            rows.PROVIDERS.change(conn, here, _found(conn, here, url).id, thumbprints=tuple(thumbprints))

        self._store.transact(work)

    def retag(self, scope: Scope, url: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set and take away tags. Raises LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            provider = _held(conn, here, url)
            tags = identities.retagged(provider.tags, put, frozenset(remove))
            rows.PROVIDERS.change(conn, here, provider.id, tags=tags)

        self._store.transact(work)


def _held(conn: Connection, here: Scope, url: str) -> OidcProvider:
    """The provider, as it is until the transaction ends. Raises IdentityMissing."""
    return _found(conn, here, url, hold=True)


def _found(conn: Connection, here: Scope, url: str, *, hold: bool = False) -> OidcProvider:
    provider = (rows.PROVIDERS.hold if hold else rows.PROVIDERS.one)(conn, here, url=url)
    if provider is None:
        raise IdentityMissing("provider", url)
    return provider


def _check_clients(client_ids: Sequence[str]) -> None:
    if len(client_ids) > identities.CLIENT_IDS:
        raise errors.LimitExceeded("client ids", identities.CLIENT_IDS)
