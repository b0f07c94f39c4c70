"""The way in as a user of the project who has an EC2 credential there: signed with its secret, in that user's name.

Nothing of it is kept: the secret is read anew for each login, so that a credential that is taken back leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from keystoneauth1 import access
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.session import Session

from backend.clock import Clock
from backend.drivers.errors import CloudUnavailable, NotAuthorized, OutcomeUnknown
from backend.drivers.openstack.credentials import blob_of
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.rest import IDENTITY, Declined, Rest
from backend.drivers.openstack.signing import signed

_DELEGATED: Final = ("trust_id", "app_cred_id", "access_token_id")
_MOST_KEYS: Final = 5
_MOST_USERS: Final = 100
"""Users of a project whose credentials are tried: more would hold up who waits for it."""


@dataclass(frozen=True, slots=True)
class Ec2Key:
    access: str
    secret: str = field(repr=False)


class Ec2Way:
    """The live EC2 credentials of users who have a role in the project.

    Args:
        reader: reads role assignments and credentials (the role reader on the system).
        checker: has signatures checked (the role service on the service user's own project).
        role: what a user must be in the project.
    """

    def __init__(self, reader: Rest, checker: Rest, clock: Clock, role: str) -> None:
        self._reader = reader
        self._checker = checker
        self._clock = clock
        self._role = role.lower()

    def logins(self, project_id: str) -> Iterator[BaseIdentityPlugin]:
        """See ``ways.Way``."""
        for user_id in self._users(project_id)[:_MOST_USERS]:
            for key in self._keys(user_id, project_id)[:_MOST_KEYS]:
                yield Ec2Login(key, self._checker, self._clock)

    def _users(self, project_id: str) -> list[str]:
        asked = {"scope.project.id": project_id, "effective": "true", "include_names": "true"}
        found = self._read("/role_assignments", "role_assignments", asked)
        return sorted({each["user"]["id"] for each in found if each["role"]["name"].lower() == self._role})

    def _keys(self, user_id: str, project_id: str) -> list[Ec2Key]:
        found = self._read("/credentials", "credentials", {"type": "ec2", "user_id": user_id})
        here = (blob_of(each) for each in found if each.get("project_id") == project_id)
        blobs = [blob for blob in here if blob is not None]
        # What was made through a delegation may end with it, and may do less than its user.
        own = [blob for blob in blobs if not any(blob.get(name) for name in _DELEGATED)]
        return [Ec2Key(blob["access"], blob["secret"]) for blob in sorted(own, key=lambda blob: str(blob["access"]))]

    def _read(self, path: str, noun: str, asked: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        try:
            with told():
                return self._reader.page(None, IDENTITY, path, noun, asked)[0]
        except NotAuthorized as error:
            raise NotAuthorized(
                f"the service user may not read credentials: {error.detail}", request_id=error.request_id
            ) from error


class Ec2Login(BaseIdentityPlugin):
    """An identity whose token Keystone gives for a signature; signed anew whenever the token is about to expire."""

    def __init__(self, key: Ec2Key, checker: Rest, clock: Clock) -> None:
        super().__init__()
        self._key = key
        self._checker = checker
        self._clock = clock

    def get_auth_ref(self, session: Session) -> access.AccessInfo:
        """A new token.

        Raises:
            NotAuthorized: the credential, its user or its project is no good any more.
            CloudUnavailable: Keystone could not be asked.
        """
        del session  # Keystone wants to know the service user as well: asked with its token, over its session
        body = {"credentials": signed(self._key.access, self._key.secret, self._clock.now())}
        try:
            answer = self._checker.write(None, IDENTITY, "POST", "/ec2tokens", body, repeat=True)
        except Declined as declined:
            raise NotAuthorized(declined.message, request_id=declined.request_id) from declined
        except OutcomeUnknown as lost:
            raise CloudUnavailable(str(lost)) from lost
        token = answer.headers.get("X-Subject-Token")
        if not token or not answer.body:
            raise CloudUnavailable(f"Keystone answered {answer.status} to a signature without a token")
        return access.create(body=dict(answer.body), auth_token=token)
