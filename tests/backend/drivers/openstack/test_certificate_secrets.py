"""Listeners that speak TLS: certificates lie in Barbican while a listener has them, and Octavia is told where."""

from __future__ import annotations

import base64
import datetime
import logging
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from backend.domain.certificates import Certificate, CertificatesUnanswered
from backend.domain.delegation import SecretUnreadable
from backend.domain.scope import Scope
from backend.drivers.balancer_making import PartKind, Standing
from backend.drivers.balancer_plans import Wish, balancer_plan, listener_plan
from backend.drivers.errors import CloudUnavailable, OutcomeUnknown, QuotaExceeded, Refused
from backend.drivers.installation import named
from backend.drivers.openstack import octavia
from backend.drivers.openstack.cloud import open_cloud
from backend.engine.balancers import next_step
from tests.backend.drivers.openstack.barbican import SECRETS, FakeBarbican, barbican_error
from tests.backend.drivers.openstack.fake import CATALOG, HOST, Asked, Reply, granted, lost, timed_out
from tests.backend.drivers.openstack.octavia import FakeOctavia
from tests.backend.drivers.openstack.samples import ZONES, network, subnet
from tests.backend.drivers.openstack.test_balancers import BALANCER, GROUP, LISTENER, OWN, grow
from tests.factories import NOW

ARN = "arn:aws:iam::000000000001:server-certificate/{}"
ARNS = {ARN.format(name): f"ASCA{name.upper()}" for name in ("one", "two", "three")}
ONE, TWO, THREE = ARNS
SECURE = replace(
    LISTENER,
    id="f" * 16,
    protocol="HTTPS",
    port=443,
    certificates=(ONE,),
    ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
)
GROUPS = {GROUP.id: GROUP}
FIXED = ({"type": "fixed-response", "config": {"StatusCode": "503"}},)
WISH = Wish(BALANCER, GROUPS, (SECURE,), (), ARNS)
PLAIN = Wish(BALANCER, GROUPS, (LISTENER,), ())


def certified(certificate_id: str) -> Certificate:
    """A certificate that is its own chain."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, certificate_id)])
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    body = own.public_bytes(serialization.Encoding.PEM).decode()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return Certificate(certificate_id, body, body, pem)


class Kept:
    """Certificates of one project; ``fault`` is what asking for one raises."""

    def __init__(self) -> None:
        self.all = {each: certified(each) for each in ARNS.values()}
        self.fault: Exception | None = None

    def of(self, scope: Scope, certificate_id: str) -> Certificate | None:
        if self.fault:
            raise self.fault
        return self.all.get(certificate_id) if scope.project_id == "p-1" else None


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def fake(services) -> FakeOctavia:
    return FakeOctavia(services)


@pytest.fixture
def barbican(services) -> FakeBarbican:
    return FakeBarbican(services)


@pytest.fixture
def made_with(settings, clock, services, fake, barbican, kept):
    """The port of a cloud with this catalog beside what each has."""

    def made(**catalog: str):
        whole = {**CATALOG, "load-balancer": f"{HOST}/balancing", **catalog}
        services.login = lambda auth: granted(auth, whole)
        services.on("GET", "/compute/v2.1/os-availability-zone", Reply(200, ZONES))
        services.on("GET", "/network/v2.0/networks", Reply(200, {"networks": [network()]}))
        services.on("GET", "/network/v2.0/subnets", Reply(200, {"subnets": [subnet()]}))
        services.on("GET", "/network/v2.0/security-groups", Reply(200, {"security_groups": []}))
        cloud = open_cloud(settings, clock, services, installation=named(OWN), certificates=kept)
        return cloud.balancer_making

    return made


@pytest.fixture
def making(made_with):
    return made_with(**{"key-manager": f"{HOST}/keys"})


def of(wish: Wish, **values) -> Wish:
    return replace(wish, listeners=tuple(replace(each, **values) for each in wish.listeners))


def test_a_listener_takes_its_certificates_from_barbican(making, scope, fake, barbican, kept):
    fake.pending = 1
    tree = grow(making, scope, of(WISH, certificates=(ONE, TWO)))
    (listener,) = fake.all("listeners")
    assert (listener["protocol"], listener["protocol_port"]) == ("TERMINATED_HTTPS", 443)
    assert (listener["tls_versions"], listener["insert_headers"]["X-Forwarded-Proto"]) == (
        ["TLSv1.2", "TLSv1.3"],
        "true",
    )
    assert "TLS_" not in listener["tls_ciphers"]
    assert "ECDHE-RSA-AES128-GCM-SHA256" in listener["tls_ciphers"].split(":")
    references = octavia.references_of(listener)
    for reference, name in zip(references, ("ASCAONE", "ASCATWO"), strict=True):
        secret = barbican.secrets[reference.rpartition("/")[2]]
        assert secret["name"].startswith(f"coppice-{OWN}-{tree.id}-{name}-")
        assert (secret["secret_type"], secret["payload_content_type"]) == ("opaque", "application/octet-stream")
        bundle = pkcs12.load_pkcs12(base64.b64decode(secret["payload"]), None)
        pem = bundle.cert.certificate.public_bytes(serialization.Encoding.PEM).decode()
        assert pem == kept.all[name].body
        assert len(bundle.additional_certs) == 1
        assert bundle.key is not None
    assert len(barbican.secrets) == 2
    assert next_step(of(WISH, certificates=(ONE, TWO)), making.tree(scope, tree.id)) is None


def test_other_certificates_are_told_and_those_that_nobody_has_go(making, scope, fake, barbican):
    grow(making, scope, of(WISH, certificates=(ONE, TWO)))
    grow(making, scope, of(WISH, certificates=(TWO, THREE)))
    assert sorted(each.split("-")[-2] for each in barbican.names) == ["ASCATHREE", "ASCATWO"]
    (listener,) = fake.all("listeners")
    told = [barbican.secrets[each.rpartition("/")[2]]["name"] for each in octavia.references_of(listener)]
    assert [each.split("-")[-2] for each in told] == ["ASCATWO", "ASCATHREE"]


def test_pages_are_as_short_as_barbican_has_them(making, scope, barbican):
    barbican.most = 1
    wish = of(WISH, certificates=(ONE, TWO))
    tree = grow(making, scope, wish)
    slower = replace(BALANCER, attributes={"idle_timeout.timeout_seconds": "90"})
    grow(making, scope, replace(wish, balancer=slower))
    assert len(barbican.secrets) == 2
    making.delete(scope, tree.id)
    assert barbican.secrets == {}


def test_they_go_with_their_listener_once_the_tree_does_what_it_was_told(making, scope, fake, barbican):
    tree = grow(making, scope, WISH)
    fake.pending = 2
    making.remove(scope, tree, next(each for each in tree.parts if each.kind is PartKind.LISTENER))
    assert making.tree(scope, tree.id).standing is Standing.PENDING
    assert len(barbican.secrets) == 1
    grow(making, scope, PLAIN)
    assert barbican.secrets == {}


def test_they_go_before_their_balancer(making, scope, fake, barbican):
    tree = grow(making, scope, WISH)
    barbican.add({"name": f"coppice-{OWN}-another-ASCAONE-1"})
    barbican.add({"name": "theirs"})
    making.delete(scope, tree.id)
    making.delete(scope, tree.id)
    assert barbican.names == [f"coppice-{OWN}-another-ASCAONE-1", "theirs"]
    assert fake.all("loadbalancers") == []


def test_they_go_when_their_balancer_was_deleted_by_others(making, scope, services, fake, barbican):
    """Or was not found when they could not be deleted: nothing else would ever ask for them."""
    tree = grow(making, scope, WISH)
    theirs = barbican.add({"name": f"coppice-{OWN}-{tree.id}-ASCATWO-1"})
    for noun in ("listeners", "loadbalancers"):
        fake.things[noun].clear()
    fake.things["listeners"]["theirs"] = {"id": "theirs", "tags": [], "sni_container_refs": [theirs]}
    assert making.tree(scope, tree.id) is None
    assert [barbican.reference(each) for each in barbican.secrets] == [theirs]
    services.on("GET", SECRETS, barbican_error(503, "away", "Error"))
    assert making.tree(scope, tree.id) is None
    making.delete(scope, tree.id)


@pytest.mark.parametrize(("status", "gone"), [(403, True), (503, False)])
def test_a_barbican_that_refuses_holds_no_deletion_up_and_one_that_is_away_does(
    making, scope, services, fake, status, gone
):
    tree = grow(making, scope, WISH)
    services.on("GET", SECRETS, barbican_error(status, "Secrets retrieval attempt not allowed", "Error"))
    if gone:
        making.delete(scope, tree.id)
    else:
        with pytest.raises(CloudUnavailable):
            making.delete(scope, tree.id)
    assert (fake.all("loadbalancers") == []) is gone


def test_what_another_listener_has_stays(making, scope, fake, barbican):
    tree = grow(making, scope, WISH)
    (reference,) = octavia.references_of(fake.all("listeners")[0])
    foreign = {"id": "theirs", "tags": [], "default_tls_container_ref": None, "sni_container_refs": [reference]}
    fake.things["listeners"]["theirs"] = foreign
    grow(making, scope, PLAIN)
    assert len(barbican.secrets) == 1
    making.delete(scope, tree.id)
    assert len(barbican.secrets) == 1


def test_a_lost_answer_makes_no_second(making, scope, services, barbican):
    found = making.create(scope, balancer_plan(BALANCER))
    plan = listener_plan(BALANCER, replace(SECURE, actions=FIXED), ARNS)
    making.put(scope, making.tree(scope, found.id), plan)
    tree = making.tree(scope, found.id)

    def unheard(asked: Asked) -> Reply:
        barbican.add(asked.body)
        raise lost()

    services.on("POST", SECRETS, unheard)
    with pytest.raises(OutcomeUnknown):
        making.put(scope, tree, plan)
    assert making.put(scope, making.tree(scope, found.id), plan)
    assert len(barbican.secrets) == 1


def test_one_that_came_twice_goes(making, scope, fake, barbican):
    grow(making, scope, WISH)
    (name,) = barbican.names
    barbican.add({"name": name})
    grow(making, scope, WISH)
    (reference,) = octavia.references_of(fake.all("listeners")[0])
    assert [barbican.reference(each) for each in barbican.secrets] == [reference]


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (barbican_error(403, "Creation not allowed because a quota has been reached"), QuotaExceeded, "quota"),
        (barbican_error(403, "Secret creation attempt not allowed"), Refused, "Barbican: Secret creation"),
        (barbican_error(413, "Provided information too large to process"), Refused, "too large"),
        (Reply(503, "away"), OutcomeUnknown, "503"),
    ],
)
def test_what_barbican_does_not_do_is_told(making, scope, barbican, reply, kind, words):
    barbican.refuses = reply
    with pytest.raises(kind, match=words):
        grow(making, scope, WISH)


def test_a_barbican_that_hangs_holds_no_other_change_up(making, scope, services, fake):
    grow(making, scope, WISH)
    services.on("GET", SECRETS, timed_out())
    other = replace(GROUP, attributes={"load_balancing.algorithm.type": "least_outstanding_requests"})
    grow(making, scope, replace(WISH, groups={GROUP.id: other}))
    assert fake.all("pools")[0]["lb_algorithm"] == "LEAST_CONNECTIONS"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (SecretUnreadable("none of the keys in [secrets] opens it"), Refused),
        (CertificatesUnanswered("the database could not be asked"), CloudUnavailable),
    ],
)
def test_a_certificate_that_cannot_be_had(making, scope, kept, barbican, fault, kind):
    kept.fault = fault
    with pytest.raises(kind, match=str(fault)[:10]):
        grow(making, scope, WISH)
    kept.fault = None
    kept.all.clear()
    with pytest.raises(Refused, match="no server certificate ASCAONE"):
        grow(making, scope, WISH)
    assert barbican.secrets == {}


def test_private_keys_are_told_to_barbican_alone(making, scope, kept, services, barbican, caplog):
    caplog.set_level(logging.DEBUG)
    key = kept.all["ASCAONE"].private_key
    assert "PRIVATE KEY" not in repr(kept.all["ASCAONE"])

    def repeats(asked: Asked) -> Reply:
        return barbican_error(400, f"schema Secret: '{asked.body['payload']}' is too long", "Bad Request")

    services.on("POST", SECRETS, repeats)
    with pytest.raises(Refused) as refused:
        grow(making, scope, WISH)
    (sent,) = [asked.body["payload"] for asked in services.of("POST", SECRETS)]
    kept.all["ASCAONE"] = replace(kept.all["ASCAONE"], private_key=f"{key[:60]}!")
    with pytest.raises(Refused, match="makes no bundle") as unread:
        grow(making, scope, WISH)
    for told in (caplog.text, str(refused.value), str(unread.value)):
        assert sent[:40] not in told
        assert key.splitlines()[1][:20] not in told


def test_a_cloud_without_a_key_manager(made_with, making, scope, fake):
    assert making.lacks_certificates(scope) is None
    bare = made_with()
    assert "protocol HTTPS" in bare.lacks_certificates(scope)
    with pytest.raises(Refused, match="no key manager"):
        grow(bare, scope, WISH)
    assert fake.all("listeners") == []


def test_balancers_without_certificates_ask_barbican_nothing(making, scope, services):
    tree = grow(making, scope, PLAIN)
    making.change(scope, tree.id, balancer_plan(replace(BALANCER, name="other")))
    making.delete(scope, tree.id)
    assert services.of("GET", SECRETS) == []


def test_the_mark_of_a_balancer_stays_when_it_is_changed(making, scope, fake):
    tree = grow(making, scope, WISH)
    making.change(scope, tree.id, balancer_plan(replace(BALANCER, name="other")))
    assert octavia.SECRETS in fake.all("loadbalancers")[0]["tags"]
    assert making.tree(scope, tree.id).marked


def test_a_policy_of_the_newest_protocol_alone_names_no_ciphers_and_a_certificate_is_told_once():
    plan = listener_plan(BALANCER, replace(SECURE, actions=FIXED, ssl_policy="ELBSecurityPolicy-TLS13-1-3-2021-06"))
    body = octavia.listener_body(plan, {}, ["r"])
    assert (body["tls_versions"], body["tls_ciphers"], body["sni_container_refs"]) == (["TLSv1.3"], None, [])
    assert octavia.listener_body(plan, {}, ["r", "s", "r"])["sni_container_refs"] == ["s"]
    classic = octavia.listener_body(replace(plan, ssl_policy=None), {}, ["r"])
    assert "tls_versions" not in classic
