"""The ways into a project, each as the logins it offers, the first to be tried first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Protocol

from keystoneauth1 import identity
from keystoneauth1.identity.base import BaseIdentityPlugin

from backend.clock import Clock
from backend.domain.delegation import Delegation, DelegationsUnanswered, SecretUnreadable
from backend.drivers.delegations import Delegations
from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.openstack.kept import Kept


class Way(Protocol):
    def logins(self, project_id: str) -> Iterator[BaseIdentityPlugin]:
        """Logins that may lead into a project; none where nobody opened this way.

        Raises:
            NotAuthorized: it was open once; why it is no more.
            CloudUnavailable: it could not be asked for.
        """


class RoleWay:
    """A role that the service user itself has in the project."""

    def __init__(self, user: Mapping[str, Any]) -> None:
        self._user = user

    def logins(self, project_id: str) -> Iterator[BaseIdentityPlugin]:
        yield identity.V3Password(**self._user, project_id=project_id)


class ApplicationCredentialWay:
    """Application credentials that owners handed over.

    Args:
        age: how long what was looked up stands.
    """

    def __init__(self, user: Mapping[str, Any], delegations: Delegations, clock: Clock, age: timedelta) -> None:
        self._auth_url = user["auth_url"]
        self._clock = clock
        self._age = age
        self._kept: Kept[str, list[Delegation]] = Kept(clock, lambda project: list(delegations.of_project(project)))

    def logins(self, project_id: str) -> Iterator[BaseIdentityPlugin]:
        now = self._clock.now()
        found = self._found(project_id)
        live = [each for each in found if each.expires_at is None or each.expires_at > now]
        for each in live:
            yield identity.V3ApplicationCredential(
                auth_url=self._auth_url,
                application_credential_id=each.credential_id,
                application_credential_secret=each.secret,
            )
        if found and not live:
            raise NotAuthorized(f"expired at {found[0].expires_at:%Y-%m-%dT%H:%M:%SZ}")

    def _found(self, project_id: str) -> list[Delegation]:
        try:
            return self._kept.get(project_id, self._age)
        except SecretUnreadable as error:
            raise NotAuthorized(f"cannot be read, {error}") from error
        except DelegationsUnanswered as error:
            raise CloudUnavailable(str(error)) from error
