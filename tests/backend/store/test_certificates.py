from __future__ import annotations

import pytest

from backend.domain.balancers import BalancerListener
from backend.domain.certificates import Certificate, CertificatesUnanswered
from backend.domain.delegation import SecretUnreadable
from backend.domain.identities import ServerCertificate, everywhere
from backend.domain.scope import Scope
from backend.errors import KeysUnreached
from backend.store.certificates import StoredCertificates, ids_of
from backend.store.identities import CERTIFICATES
from backend.store.secrets import Seal, new_key
from tests.factories import NOW, SCOPE

ARN = "arn:aws:iam::1:server-certificate/{}"
ACM = "arn:aws:acm:us-east-1:1:certificate/web"
LISTENER = BalancerListener(
    "l", "b", "HTTPS", 443, (), NOW, certificates=(*map(ARN.format, ("team/web", "web", "team/Web")), ACM)
)


@pytest.fixture
def seal() -> Seal:
    return Seal([new_key()])


@pytest.fixture
def sealed(store, seal) -> Seal:
    made = ServerCertificate("ASCA1", "web", "/team/", "body", None, NOW, NOW, seal.close("the key"))
    store.transact(lambda conn: CERTIFICATES.add(conn, everywhere(SCOPE), made, folded="web"))
    return seal


def test_a_certificate_is_told_with_its_key_to_its_project_alone(store, sealed):
    kept = StoredCertificates(store, sealed)
    assert kept.of(SCOPE, "ASCA1") == Certificate("ASCA1", "body", None, "the key")
    assert "the key" not in repr(kept.of(SCOPE, "ASCA1"))
    assert kept.of(Scope("another", SCOPE.region), "ASCA1") is None
    assert kept.of(SCOPE, "ASCA2") is None


def test_a_key_that_nothing_opens(store, sealed):
    with pytest.raises(SecretUnreadable):
        StoredCertificates(store, Seal([new_key()])).of(SCOPE, "ASCA1")

    def away() -> list[str]:
        raise KeysUnreached("Barbican does not answer")

    with pytest.raises(CertificatesUnanswered, match="does not answer"):
        StoredCertificates(store, Seal((), away, lazily=True)).of(SCOPE, "ASCA1")


def test_listeners_certificates_by_their_arns(store, sealed):
    """A name in another case or path is another's, and what is not kept here has no id."""
    with store.read() as conn:
        assert ids_of(conn, SCOPE, [LISTENER]) == {ARN.format("team/web"): "ASCA1"}
        assert ids_of(conn, Scope("another", SCOPE.region), [LISTENER]) == {}
