"""What a launch source names that only rows know: instance profiles. From a reference to what a server takes of it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from backend.domain.identities import PROFILE_TAG, InstanceProfile, everywhere, named_profile
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.errors import IamProfileNotFound
from backend.store import identities


def bound(conn: Connection, scope: Scope, spec: ServerSpec) -> ServerSpec:
    """The spec with what rows know in the place of names; nothing is read where it names nothing of them.

    Raises:
        IamProfileNotFound: there is no such instance profile, or it is empty.
    """
    if spec.iam_profile is None:
        return spec
    found = profile(conn, scope, spec.iam_profile)
    return replace(spec, iam_profile=None, tags={**spec.tags, PROFILE_TAG: found.note})


def profile(conn: Connection, scope: Scope, reference: str) -> InstanceProfile:
    """The instance profile of a name or an ARN, which must have a role. Raises IamProfileNotFound."""
    name, path = named_profile(reference)
    found = identities.named(identities.PROFILES, conn, everywhere(scope), name)
    if found is None or (path is not None and path != found.path):
        raise IamProfileNotFound(reference)
    if found.role_id is None:
        raise IamProfileNotFound(reference, empty=True)
    return found
