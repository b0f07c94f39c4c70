"""Whose an access key is, as callers of the API; what the identity service cannot say is told in AWS's words."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace

from backend.domain.session import Session
from backend.drivers.credentials import AccessKey, AccessKeys, BadSignature, Signed
from backend.drivers.errors import CloudError
from translators import arns
from translators.errors import AWSError
from translators.registry import Caller

__all__ = ["BadSignature", "Callers", "Session", "Signed", "acting", "names_of"]


class Callers:
    """The owners of the access keys that the cloud knows.

    Each call raises AWSError ``ServiceUnavailable`` (503) where the identity service could not be asked.
    """

    def __init__(self, known: AccessKeys) -> None:
        self._known = known

    def find(self, access_key: str) -> tuple[str, Caller] | None:
        """(secret, owner) of a key; None where there is none."""
        with _asked():
            found = self._known.find(access_key)
        return (found.secret, _caller(found)) if found and found.secret else None

    def check(self, signed: Signed) -> Caller | None:
        """Who signed; None where there is no such key. Raises BadSignature."""
        with _asked():
            found = self._known.check(signed)
        return _caller(found) if found else None


def acting(session: Session, base: Caller) -> Caller:
    """Who acts by a temporary key: the user who opened it, or the role that they assumed."""
    if not session.role:
        return replace(base, access_key=session.access_key)
    return replace(
        base,
        access_key=session.access_key,
        user_id=f"{session.role}/{session.name}",
        user_name=session.name,
        project_id=session.project_id,
        project_name="" if session.project_id != base.project_id else base.project_name,
        assumed_role=f"{session.role}/{session.name}",
    )


def names_of(caller: Caller, account: str) -> frozenset[str]:
    """What a caller goes by where a group names its operator: a user's name and ARN, the ARNs of a role and session."""
    if caller.assumed_role:
        role = f"arn:aws:iam::{account}:role/{caller.assumed_role.partition('/')[0]}"
        return frozenset({role, arns.assumed_role(account, caller.assumed_role)})
    plain = () if caller.user_name.startswith("arn:") else (caller.user_name,)
    return frozenset({*plain, arns.user(account, caller.user_name)})


def _caller(found: AccessKey) -> Caller:
    return Caller(
        access_key=found.access_key,
        user_id=found.user_id,
        user_name=found.user_name,
        project_id=found.project_id,
        project_name=found.project_name,
        roles=found.roles,
    )


@contextlib.contextmanager
def _asked() -> Iterator[None]:
    try:
        yield
    except CloudError as error:
        logging.getLogger(__name__).warning("the identity service could not be asked: %s", error)
        raise AWSError("ServiceUnavailable", "The identity service could not be reached.", 503) from error  # unsourced
