"""Server certificates for what puts them on listeners: their private keys are opened here."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from backend.domain.balancers import BalancerListener
from backend.domain.certificates import Certificate, CertificatesUnanswered
from backend.domain.identities import certificate_end, certificate_of, everywhere
from backend.domain.scope import Scope
from backend.errors import KeysUnreached, StoreUnavailable
from backend.store.identities import CERTIFICATES, named
from backend.store.secrets import Seal
from backend.store.session import Store


class StoredCertificates:
    """The server certificates of a store."""

    def __init__(self, store: Store, seal: Seal) -> None:
        self._store = store
        self._seal = seal

    def of(self, scope: Scope, certificate_id: str) -> Certificate | None:
        """Raises KeyMissing, SecretUnreadable, CertificatesUnanswered."""
        try:
            with self._store.read() as conn:
                found = CERTIFICATES.one(conn, everywhere(scope), id=certificate_id)
            if found is None:
                return None
            return Certificate(found.id, found.body, found.chain, self._seal.open(found.sealed))
        except KeysUnreached as error:
            raise CertificatesUnanswered(str(error)) from error
        except (SQLAlchemyError, StoreUnavailable) as error:
            raise CertificatesUnanswered(f"the database could not be asked: {type(error).__name__}") from error


def ids_of(conn: Connection, scope: Scope, listeners: Sequence[BalancerListener]) -> dict[str, str]:
    """Ids of the certificates that listeners have, by their ARNs: those that are kept here.

    Another certificate may be uploaded under the name of one that went, and has its ARN then.
    """
    found = {}
    for arn in {arn for each in listeners for arn in each.certificates}:
        name = certificate_of(arn)
        kept = named(CERTIFICATES, conn, everywhere(scope), name) if name is not None else None
        if kept is not None and arn.endswith(certificate_end(kept.path, kept.name)):
            found[arn] = kept.id
    return found
