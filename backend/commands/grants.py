"""A project's owner lets Coppice act in it, or no longer: by a trust, or by an application credential."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.clock import Clock
from backend.commands import CannotDo, schema
from backend.domain.delegation import DelegationsUnanswered, SecretUnreadable
from backend.drivers.errors import CloudError, Misconfigured
from backend.drivers.openstack.settings import OpenStackSettings
from backend.store.delegations import StoredDelegations
from backend.store.session import Store


@dataclass(frozen=True, slots=True)
class Wish:
    """What an owner asks for.

    Attributes:
        cloud, clouds_file: the entry of clouds.yaml with their own login; where that file is (empty: as configured).
        trustee: Keystone's id of the user who is trusted; None for the service user of the configuration.
        expires_at: when it ends; None for never.
        sealed: by an application credential, sealed in the database.
        revoke: take back what was granted.
    """

    cloud: str
    clouds_file: str
    trustee: str | None
    role: str
    expires_at: datetime | None
    sealed: bool
    revoke: bool


def grant(own: OpenStackSettings, wish: Wish, kept: Callable[[], Store], clock: Clock) -> str:
    """Do it; what was done, in words.

    Args:
        own: the installation's own settings.
        kept: the database, with what seals secrets in it, opened only where it is needed.

    Raises:
        CannotDo: nothing was changed.
    """
    from backend.drivers.openstack.owner import owner_settings

    owner = owner_settings(own, wish.cloud, wish.clouds_file or own.clouds_file)
    try:
        if wish.sealed:
            return _handed_over(own, wish, owner, kept, clock)
        return _entrusted(own, wish, owner, clock)
    except (SecretUnreadable, DelegationsUnanswered, Misconfigured, CloudError) as error:
        raise CannotDo(str(error)) from error


def _entrusted(own: OpenStackSettings, wish: Wish, owner: OpenStackSettings, clock: Clock) -> str:
    """Give or take back a trust."""
    from backend.drivers.openstack.cloud import service_user_id
    from backend.drivers.openstack.trusts import Grant

    trustee = wish.trustee or service_user_id(own, clock)
    given = Grant(owner)
    if wish.revoke:
        return _taken_back(given.take_back(trustee), given.project_id)
    trust = given.give(trustee, wish.role, wish.expires_at)
    return f"User {trustee} may act as {wish.role} in project {given.project_id}, in your name: trust {trust}."


def _handed_over(
    own: OpenStackSettings,
    wish: Wish,
    owner: OpenStackSettings,
    kept: Callable[[], Store],
    clock: Clock,
) -> str:
    """Give or take back an application credential."""
    from backend.drivers.openstack.application_credentials import HandOver
    from backend.drivers.openstack.owner import Owner

    if wish.trustee:
        raise CannotDo("an application credential has no trustee: it is kept in Coppice's database")
    store = kept()
    if not (wish.revoke or store.seal.has_keys):
        raise CannotDo("no key is set in [secrets] to seal it with: coppice key makes one")
    schema.check(store)
    hand = HandOver(Owner(owner), StoredDelegations(store, store.seal), clock)
    if wish.revoke:
        return _taken_back(hand.take_back(), hand.owner.project_id)
    made = hand.give(wish.role, wish.expires_at)
    where = f"project {hand.owner.project_id}, in your name"
    words = f"Coppice may act as {wish.role} in {where}: application credential {made}."
    if "application_credential" in own.access:
        return words
    return f"{words} It will not be used: [openstack] access does not name application_credential."


def _taken_back(ended: Sequence[str], project_id: str) -> str:
    return f"Taken back: {', '.join(ended) or 'nothing was granted'} (project {project_id})."
