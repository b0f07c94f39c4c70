"""Certificates of listeners as secrets of the customer's project in Barbican, from which Octavia takes them.

Each is one bundle (PKCS#12, without a passphrase: Octavia takes no other) of one balancer, and its name says whose it
is: ``coppice-INSTALLATION-BALANCER-CERTIFICATE-DIGEST``. By its name it is found again where an answer was lost.
Octavia gives itself the right to read what a listener is made with, by the token that the listener is made with.

Source: Octavia, ``octavia/certificates/manager/barbican.py`` and ``octavia/certificates/common/auth/barbican_acl.py``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key, pkcs12

from backend.domain.certificates import Certificate, CertificatesUnanswered
from backend.domain.delegation import SecretUnreadable
from backend.domain.scope import Scope
from backend.drivers.certificates import Certificates
from backend.drivers.errors import CloudError, CloudUnavailable, OutcomeUnknown, QuotaExceeded, Refused
from backend.drivers.installation import Installation
from backend.drivers.openstack.refusals import of_any
from backend.drivers.openstack.rest import KEYS, Declined, Rest

_PAGE: Final = 100
_PAGES: Final = 100
"""At most: a page may be as short as the operator of Barbican has it."""
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_QUOTA: Final = "quota has been reached"
# Source: barbican/common/exception.py, QuotaReached.


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of a balancer. ``reference`` is what Octavia knows it by."""

    id: str
    name: str
    reference: str


class CertificateSecrets:
    """Secrets of balancers of one project in one region.

    Args:
        looking: asks what may as well not be answered, and does not wait long.
    """

    def __init__(self, rest: Rest, looking: Rest, certificates: Certificates, installation: Installation) -> None:
        self._rest = rest
        self._looking = looking
        self._certificates = certificates
        self._installation = installation

    def offered(self, scope: Scope) -> bool:
        """Whether the cloud keeps secrets. Raises CloudUnavailable, NotAuthorized."""
        return self._rest.offers(scope, KEYS)

    def put(self, scope: Scope, balancer_id: str, certificate_ids: Sequence[str]) -> list[str]:
        """References to certificates of a balancer, in their order; what Barbican lacks is made.

        Raises:
            CloudUnavailable, OutcomeUnknown, NotAuthorized, QuotaExceeded
            Refused: there is no such certificate, it cannot be read here, or Barbican says no.
        """
        if not self.offered(scope):
            raise Refused("the cloud's catalog has no key manager, where certificates of listeners lie")
        here = {each.name: each.reference for each in self._of(self._rest, scope, balancer_id)}
        found = []
        for certificate in [self._certificate(scope, each) for each in certificate_ids]:
            name = f"{self._prefix(balancer_id)}{certificate.id}-{_digest(certificate)}"
            if name not in here:
                here[name] = self._make(scope, name, certificate)
            found.append(here[name])
        return found

    def left(self, scope: Scope, balancer_id: str, used: Collection[str]) -> Sequence[Secret]:
        """Secrets of a balancer beside those that are used. Raises CloudUnavailable, NotAuthorized, Refused."""
        secrets = self._of(self._looking, scope, balancer_id) if self.offered(scope) else ()
        in_use = {_id(each) for each in used}
        return [each for each in secrets if each.id not in in_use]

    def remove(self, scope: Scope, secret_id: str) -> None:
        """Delete one; one that is gone is no fault. Raises as ``put``."""
        try:
            self._rest.write(scope, KEYS, "DELETE", f"/secrets/{secret_id}", repeat=True)
        except Declined as declined:
            if declined.status != 404:
                raise _refusal(declined) from declined

    def _of(self, rest: Rest, scope: Scope, balancer_id: str) -> list[Secret]:
        """What this installation has put for a balancer, the first of a name being always the same."""
        prefix, found, seen = self._prefix(balancer_id), [], 0
        for _ in range(_PAGES):
            # Barbican compares names by SQL's LIKE; one that did not would tell too little, and more is passed over.
            asked = {"name": f"{prefix}%", "limit": _PAGE, "offset": seen}
            try:
                items, document = rest.page(scope, KEYS, "/secrets", "secrets", asked)
            except Declined as declined:
                raise _refusal(declined) from declined
            found += [each for each in items if str(each.get("name") or "").startswith(prefix)]
            seen += len(items)
            if not items or seen >= (document.get("total") or 0):
                break
        told = [(str(each["name"]), str(each.get("secret_ref") or "")) for each in found]
        secrets = [Secret(_id(reference), name, reference) for name, reference in told]
        return sorted((each for each in secrets if each.id), key=lambda each: (each.name, each.id), reverse=True)

    def _make(self, scope: Scope, name: str, certificate: Certificate) -> str:
        body = {
            "name": name,
            "secret_type": "opaque",
            "payload": base64.b64encode(_bundle(certificate)).decode(),
            "payload_content_type": "application/octet-stream",
            "payload_content_encoding": "base64",
        }
        try:
            made = self._rest.write(scope, KEYS, "POST", "/secrets", body).body or {}
        except Declined as declined:
            raise _refusal(declined) from declined
        reference = made.get("secret_ref")
        if not isinstance(reference, str) or not _id(reference):
            raise OutcomeUnknown("a secret was made, and the answer does not tell which")
        return reference

    def _certificate(self, scope: Scope, certificate_id: str) -> Certificate:
        try:
            found = self._certificates.of(scope, certificate_id)
        except SecretUnreadable as error:
            raise Refused(f"the private key of certificate {certificate_id} cannot be read: {error}") from error
        except CertificatesUnanswered as error:
            raise CloudUnavailable(str(error)) from error
        if found is None:
            raise Refused(f"there is no server certificate {certificate_id}")
        return found

    def _prefix(self, balancer_id: str) -> str:
        return f"coppice-{self._installation()}-{balancer_id}-"


def _digest(certificate: Certificate) -> str:
    """Of what everybody may know: the private key belongs to what is certified."""
    return hashlib.sha256(f"{certificate.body}\n{certificate.chain or ''}".encode()).hexdigest()[:16]


def _bundle(certificate: Certificate) -> bytes:
    """A certificate with its key and chain as PKCS#12. Raises Refused, without a word of what cannot be read."""
    try:
        key: Any = load_pem_private_key(certificate.private_key.encode(), None)
        chain = x509.load_pem_x509_certificates(certificate.chain.encode()) if certificate.chain else None
        own = x509.load_pem_x509_certificate(certificate.body.encode())
        return pkcs12.serialize_key_and_certificates(certificate.id.encode(), key, own, chain, NoEncryption())
    except (ValueError, TypeError) as error:
        kind = type(error).__name__
        raise Refused(f"certificate {certificate.id} makes no bundle for Octavia: {kind}") from None


def _id(reference: str) -> str:
    """The id that ends a reference; empty where none does."""
    last = reference.rstrip("/").rpartition("/")[2]
    return last if _ID.fullmatch(last) else ""


def _refusal(declined: Declined) -> CloudError:
    words = f"Barbican: {declined.message}"
    if _QUOTA in declined.message.lower():
        return QuotaExceeded("secrets", 1, -1, words, request_id=declined.request_id)
    return of_any(Declined(declined.status, words, declined.request_id, declined.kind))
