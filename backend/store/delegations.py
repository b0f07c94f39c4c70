"""What owners handed over: ids in clear, secrets sealed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, bindparam, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from backend.domain.delegation import Delegation, DelegationsUnanswered
from backend.errors import KeysUnreached, StoreUnavailable
from backend.store.secrets import Seal
from backend.store.session import Store
from backend.store.tables import delegations

T = TypeVar("T")
_t = delegations.c
_OF_PROJECT = (
    select(delegations)
    .where(_t.project_id == bindparam("project"))
    .order_by(_t.created_at.desc(), _t.credential_id.desc())
)


class StoredDelegations:
    """The delegations of a store. Each method raises DelegationsUnanswered where the database cannot be asked.

    Args:
        seal: closes what is written and opens what is read.
    """

    def __init__(self, store: Store, seal: Seal) -> None:
        self._store = store
        self._seal = seal

    def of_project(self, project_id: str) -> Sequence[Delegation]:
        """Those of a project, the newest first. Raises KeyMissing, SecretUnreadable."""
        rows = _asked(lambda: self._rows(project_id))
        return _asked(lambda: [self._opened(row) for row in rows])

    def ids(self, project_id: str, user_id: str) -> list[str]:
        """Ids of the credentials that a user handed over for a project; no secret is opened for it."""
        return [row.credential_id for row in _asked(lambda: self._rows(project_id)) if row.user_id == user_id]

    def put(self, delegation: Delegation) -> None:
        """Keep one. Raises KeyMissing."""
        values = {
            "credential_id": delegation.credential_id,
            "project_id": delegation.project_id,
            "user_id": delegation.user_id,
            "role": delegation.role,
            "created_at": delegation.created_at,
            "expires_at": delegation.expires_at,
            "secret": _asked(lambda: self._seal.close(delegation.secret)),
        }
        _asked(lambda: self._store.transact(lambda conn: conn.execute(insert(delegations), values)))

    def drop(self, credential_ids: Sequence[str]) -> None:
        """Forget these."""
        statement = delete(delegations).where(_t.credential_id.in_(list(credential_ids)))
        _asked(lambda: self._store.transact(lambda conn: conn.execute(statement)))

    def _rows(self, project_id: str) -> Sequence[Row[Any]]:
        with self._store.read() as conn:
            return conn.execute(_OF_PROJECT, {"project": project_id}).all()

    def _opened(self, row: Row[Any]) -> Delegation:
        return Delegation(
            credential_id=row.credential_id,
            project_id=row.project_id,
            user_id=row.user_id,
            role=row.role,
            created_at=row.created_at,
            expires_at=row.expires_at,
            secret=self._seal.open(row.secret),
        )


def _asked(work: Callable[[], T]) -> T:
    try:
        return work()
    except KeysUnreached as error:
        raise DelegationsUnanswered(str(error)) from error
    except (SQLAlchemyError, StoreUnavailable) as error:
        raise DelegationsUnanswered(f"the database could not be asked: {type(error).__name__}") from error
