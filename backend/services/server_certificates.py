"""Server certificates: kept for listeners; private keys lie sealed and are told to nobody who calls an API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from backend.clock import Clock
from backend.domain.balancers import BalancerListener
from backend.domain.delegation import SecretUnreadable
from backend.domain.identities import (
    CertificateInUse,
    CertificateMissing,
    CertificateNotValid,
    IdentityMissing,
    ServerCertificate,
    certificate_end,
    certificate_of,
    everywhere,
)
from backend.domain.scope import Scope
from backend.errors import Finding
from backend.services import identities
from backend.store import balancers
from backend.store import identities as rows
from backend.store.secrets import Seal
from backend.store.session import Connection, Store


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """A certificate as given: PEM, which was checked before."""

    name: str
    path: str
    body: str
    chain: str | None
    private_key: str = field(repr=False)
    begins_at: datetime
    expires_at: datetime
    tags: Mapping[str, str]


@dataclass(eq=False)
class KeysNotKept(Finding):
    """Private keys cannot be sealed here; ``detail`` says why."""

    detail: str


class ServerCertificates:
    """Each call may raise StoreUnavailable, and IdentityMissing where it names one."""

    def __init__(self, store: Store, clock: Clock, seal: Seal) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal

    def upload(self, scope: Scope, wanted: NewCertificate) -> ServerCertificate:
        """Keep a certificate. Raises CertificateNotValid, IdentityExists, LimitExceeded, KeysNotKept."""
        here, now = everywhere(scope), self._clock.now()
        if not wanted.begins_at <= now <= wanted.expires_at:
            raise CertificateNotValid(wanted.name)
        try:
            sealed = self._seal.close(wanted.private_key)
        except SecretUnreadable as reason:
            raise KeysNotKept(str(reason)) from reason

        def work(conn: Connection) -> ServerCertificate:
            identities.check_new(rows.CERTIFICATES, conn, here, wanted.name, identities.CERTIFICATES)
            made = ServerCertificate(
                id=identities.new_id("ASCA"),
                name=wanted.name,
                path=wanted.path,
                body=wanted.body,
                chain=wanted.chain,
                uploaded_at=now.replace(microsecond=0),
                expires_at=wanted.expires_at,
                sealed=sealed,
                tags=identities.retagged({}, wanted.tags),
            )
            rows.CERTIFICATES.add(conn, here, made, folded=rows.folded(made.name))
            return made

        return self._store.transact(work)

    def find(self, scope: Scope, name: str) -> ServerCertificate:
        with self._store.read() as conn:
            return identities.found(rows.CERTIFICATES, conn, everywhere(scope), name)

    def list(self, scope: Scope) -> Sequence[ServerCertificate]:
        """All of the project."""
        with self._store.read() as conn:
            return rows.CERTIFICATES.all(conn, everywhere(scope))

    def private_key(self, certificate: ServerCertificate) -> str:
        """The key in clear, for what puts it on a listener. Raises KeysNotKept."""
        try:
            return self._seal.open(certificate.sealed)
        except SecretUnreadable as reason:
            raise KeysNotKept(str(reason)) from reason

    def rename(self, scope: Scope, name: str, new: str | None, path: str | None) -> ServerCertificate:
        """Another name or path, by which the listeners that have it then tell of it. Raises IdentityExists."""
        here = everywhere(scope)

        def work(conn: Connection) -> ServerCertificate:
            present = identities.found(rows.CERTIFICATES, conn, here, name, hold=True)
            values: dict[str, Any] = {} if path is None else {"path": path}
            if new is not None and new != name:
                if rows.folded(new) != rows.folded(name):
                    identities.check_name(rows.CERTIFICATES, conn, here, new)
                values["name"] = new
            if values:
                folded = rows.folded(values.get("name", name))
                rows.CERTIFICATES.change(conn, here, present.id, **values, folded=folded)
            renamed = replace(present, **values)
            _tell_listeners(conn, scope.project_id, present, renamed)
            return renamed

        return self._store.transact(work)

    def retag(self, scope: Scope, name: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set and take away tags. Raises LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            present = identities.found(rows.CERTIFICATES, conn, here, name, hold=True)
            tags = identities.retagged(present.tags, put, frozenset(remove))
            rows.CERTIFICATES.change(conn, here, present.id, tags=tags)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str) -> None:
        """Raises CertificateInUse: a listener has it."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            present = identities.found(rows.CERTIFICATES, conn, here, name, hold=True)
            for there, listener in _listeners_of(conn, scope.project_id, present):
                balancer = balancers.BALANCERS.one(conn, there, id=listener.balancer_id)
                if balancer is not None:
                    raise CertificateInUse(present.id, balancer, there.region)
            rows.CERTIFICATES.remove(conn, here, id=present.id)

        self._store.transact(work)


def hold(conn: Connection, scope: Scope, arns: Sequence[str]) -> None:
    """Keep certificates that a listener is to have until the transaction ends, those that are kept here.

    Raises:
        CertificateMissing
    """
    for arn in arns:
        name = certificate_of(arn)
        if name is None:
            continue
        try:
            kept = identities.found(rows.CERTIFICATES, conn, everywhere(scope), name, hold=True)
        except IdentityMissing:
            raise CertificateMissing(arn) from None
        if not arn.endswith(certificate_end(kept.path, kept.name)):  # by which it would be found in use
            raise CertificateMissing(arn)


def _listeners_of(
    conn: Connection, project_id: str, certificate: ServerCertificate
) -> Sequence[tuple[Scope, BalancerListener]]:
    return balancers.certified(conn, project_id, certificate_end(certificate.path, certificate.name))


def _tell_listeners(conn: Connection, project_id: str, before: ServerCertificate, now: ServerCertificate) -> None:
    """A listener keeps its certificate, which has another ARN."""
    old, new = certificate_end(before.path, before.name), certificate_end(now.path, now.name)
    if old == new:
        return
    for there, found in _listeners_of(conn, project_id, before):
        balancers.BALANCERS.hold(conn, there, id=found.balancer_id)  # as whoever changes its listeners has it
        listener = balancers.LISTENERS.one(conn, there, id=found.id)
        if listener is None:
            continue
        told = tuple(f"{arn.removesuffix(old)}{new}" if arn.endswith(old) else arn for arn in listener.certificates)
        balancers.LISTENERS.change(conn, there, listener.id, certificates=told)
