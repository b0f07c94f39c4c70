"""Providers of OpenID Connect and server certificates, as boto3 sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from backend import Backend
from backend.domain.balancers import BalancerListener
from backend.domain.identities import CertificateMissing
from backend.domain.scope import Scope
from backend.drivers.simulated import SimulatedSettings
from backend.services.listeners import Listeners
from backend.services.server_certificates import ServerCertificates, hold
from backend.store import balancers
from backend.store.secrets import Seal, new_key
from backend.store.session import Connection
from tests.factories import NOW, SCOPE, World
from tests.translators.ec2.wire import Asking


@pytest.fixture
def iam() -> Iterator[Asking]:
    world = World(settings=SimulatedSettings(boot_seconds=0, regions=(SCOPE.region, "us-west-2")))
    kept = ServerCertificates(world.store, world.clock, Seal([new_key()]))
    world.backend = replace(world.backend, server_certificates=kept)
    yield Asking(world, "iam")
    world.close()


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey
Signer = tuple[x509.Name, Key]


def signer(name: str, key: Key | None = None) -> Signer:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key or ec.generate_private_key(ec.SECP256R1())


def signed(whose: Signer, by: Signer | None = None, begins_at: datetime = NOW) -> x509.Certificate:
    """A certificate of ninety days; by default it signs itself."""
    issuer = by or whose
    made = x509.CertificateBuilder().subject_name(whose[0]).issuer_name(issuer[0]).public_key(whose[1].public_key())
    made = made.not_valid_before(begins_at).not_valid_after(begins_at + timedelta(days=90)).serial_number(7)
    return made.sign(issuer[1], None if isinstance(issuer[1], ed25519.Ed25519PrivateKey) else SHA256())


def pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def pair(by: Signer | None = None, begins_at: datetime = NOW, key: Key | None = None) -> tuple[str, str]:
    """A certificate, which signs itself by default, and its key."""
    whose = signer("web.example", key)
    made = signed(whose, by, begins_at)
    form = PrivateFormat.PKCS8 if key else PrivateFormat.TraditionalOpenSSL
    text = whose[1].private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    return pem(made), text


def test_a_provider(iam: Asking) -> None:
    url = "https://oidc.example/id/7"
    made = iam("CreateOpenIDConnectProvider", Url=url, ClientIDList=["sts"], ThumbprintList=["a" * 40])
    named = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    assert made["OpenIDConnectProviderArn"].endswith(":oidc-provider/oidc.example/id/7")
    assert iam.code("CreateOpenIDConnectProvider", Url=url) == "EntityAlreadyExists"
    iam("AddClientIDToOpenIDConnectProvider", ClientID="b", **named)
    iam("RemoveClientIDFromOpenIDConnectProvider", ClientID="sts", **named)
    iam("UpdateOpenIDConnectProviderThumbprint", ThumbprintList=["b" * 40], **named)
    iam("TagOpenIDConnectProvider", Tags=[{"Key": "k", "Value": "v"}], **named)
    told = iam("GetOpenIDConnectProvider", **named)
    assert (told["Url"], told["ClientIDList"], told["ThumbprintList"]) == ("oidc.example/id/7", ["b"], ["b" * 40])
    assert iam("ListOpenIDConnectProviderTags", **named)["Tags"] == [{"Key": "k", "Value": "v"}]
    iam("UntagOpenIDConnectProvider", TagKeys=["k"], **named)
    listed = iam("ListOpenIDConnectProviders")["OpenIDConnectProviderList"]
    assert listed == [{"Arn": made["OpenIDConnectProviderArn"]}]
    iam("DeleteOpenIDConnectProvider", **named)
    iam("DeleteOpenIDConnectProvider", **named)
    refused = iam.refused("GetOpenIDConnectProvider", **named)
    words = f"OpenIDConnect Provider not found for arn {made['OpenIDConnectProviderArn']}"
    assert (refused.code, refused.status, refused.message) == ("NoSuchEntity", 404, words)


@pytest.mark.parametrize("url", ["http://oidc.example", "oidc.example", "https://", "https://a b"])
def test_what_is_no_provider_is_refused(iam: Asking, url: str) -> None:
    assert iam.code("CreateOpenIDConnectProvider", Url=url) == "InvalidInput"


def test_a_certificate_is_told_without_its_key(iam: Asking) -> None:
    body, key = pair()
    asked = {"ServerCertificateName": "web", "CertificateBody": body, "PrivateKey": key}
    made = iam("UploadServerCertificate", Path="/x/", **asked)["ServerCertificateMetadata"]
    assert made["Arn"].endswith(":server-certificate/x/web")
    assert made["ServerCertificateId"].startswith("ASCA")
    assert made["Expiration"] == NOW + timedelta(days=90)
    assert iam.code("UploadServerCertificate", **asked) == "EntityAlreadyExists"
    told = iam("GetServerCertificate", ServerCertificateName="web")["ServerCertificate"]
    assert told["CertificateBody"] == body.strip()
    kept = iam.world.backend.server_certificates.find(SCOPE, "web")
    assert key not in kept.sealed
    assert iam.world.backend.server_certificates.private_key(kept) == key
    iam("UpdateServerCertificate", ServerCertificateName="web", NewServerCertificateName="WEB", NewPath="/")
    iam("TagServerCertificate", ServerCertificateName="WEB", Tags=[{"Key": "k", "Value": "v"}])
    assert iam("ListServerCertificateTags", ServerCertificateName="WEB")["Tags"] == [{"Key": "k", "Value": "v"}]
    iam("UntagServerCertificate", ServerCertificateName="WEB", TagKeys=["k"])
    listed = iam("ListServerCertificates")["ServerCertificateMetadataList"]
    assert [each["ServerCertificateName"] for each in listed] == ["WEB"]
    iam("DeleteServerCertificate", ServerCertificateName="WEB")
    assert iam.refused("GetServerCertificate", ServerCertificateName="WEB").status == 404


def upload(iam: Asking, name: str, path: str = "/") -> str:
    body, key = pair()
    asked = {"ServerCertificateName": name, "Path": path, "CertificateBody": body, "PrivateKey": key}
    return str(iam("UploadServerCertificate", **asked)["ServerCertificateMetadata"]["Arn"])


def front(iam: Asking, arn: str) -> tuple[Asking, dict[str, Any], str]:
    """Who asks for balancers, what a further listener of one is made with, and the one that has that certificate."""
    ec2, elbv2 = Asking(iam.world, "ec2"), Asking(iam.world, "elbv2")
    subnets = [each["SubnetId"] for each in ec2("DescribeSubnets")["Subnets"]][:2]
    balancer = elbv2("CreateLoadBalancer", Name="front", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    vpc = ec2("DescribeVpcs")["Vpcs"][0]["VpcId"]
    group = elbv2("CreateTargetGroup", Name="g", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    more = {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "DefaultActions": forward}
    (listener,) = elbv2("CreateListener", **more, Port=443, Certificates=[{"CertificateArn": arn}])["Listeners"]
    return elbv2, more, listener["ListenerArn"]


class Interrupted(Listeners):
    """Somebody else's change of a listener comes between a look at it and the first change of it."""

    def __init__(self, within: Backend, first: Callable[[], object]) -> None:
        super().__init__(within.listeners._store, within.listeners._cloud, within.listeners._clock)
        self._first: list[Callable[[], object]] = [first]

    def change(self, *given: Any, **values: Any) -> BalancerListener:
        while self._first:
            self._first.pop()()
        return super().change(*given, **values)


ADD, REMOVE, MODIFY = "AddListenerCertificates", "RemoveListenerCertificates", "ModifyListener"


@pytest.mark.parametrize(
    ("other", "operation", "params", "left"),
    [
        (ADD, ADD, {"Certificates": "b"}, "acdb"),
        (ADD, REMOVE, {"Certificates": "c"}, "ad"),
        (ADD, MODIFY, {"Certificates": "b"}, "bcd"),
        (ADD, MODIFY, {"Port": 8443}, "acd"),
        (MODIFY, ADD, {"Certificates": "b"}, "dcb"),
        (MODIFY, MODIFY, {"Port": 8443}, "dc"),
    ],
)
def test_no_change_of_a_listener_undoes_another(
    iam: Asking, other: str, operation: str, params: dict[str, Any], left: str
) -> None:
    arns = {name: upload(iam, name) for name in "abcd"}
    elbv2, _, listener = front(iam, arns["a"])

    def asked(operation: str, params: dict[str, Any]) -> None:
        told = {name: [{"CertificateArn": arns[of]}] if name == "Certificates" else of for name, of in params.items()}
        elbv2(operation, ListenerArn=listener, **told)

    asked(ADD, {"Certificates": "c"})
    meanwhile = partial(asked, other, {"Certificates": "d"})
    iam.world.backend = replace(iam.world.backend, listeners=Interrupted(iam.world.backend, meanwhile))
    asked(operation, params)
    told = elbv2("DescribeListenerCertificates", ListenerArn=listener)["Certificates"]
    assert [each["CertificateArn"] for each in told] == [arns[name] for name in left]


PORT, POLICY = {"Port": 8443}, {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}
PLAIN, SECURE = {"Protocol": "HTTP"}, {"Protocol": "HTTPS"}


@pytest.mark.parametrize(
    ("other", "mine", "left"),
    [
        (PORT, POLICY, {**PORT, **POLICY, **SECURE}),
        (POLICY, PORT, {**PORT, **POLICY, **SECURE}),
        (PORT, PLAIN, {**PORT, **PLAIN, "SslPolicy": None}),
        (PLAIN, PORT, {**PORT, **PLAIN, "SslPolicy": None}),
    ],
)
def test_no_change_of_a_listener_undoes_another_of_other_things(
    iam: Asking, other: dict[str, Any], mine: dict[str, Any], left: dict[str, Any]
) -> None:
    elbv2, _, listener = front(iam, upload(iam, "web"))
    meanwhile = partial(elbv2, MODIFY, ListenerArn=listener, **other)
    iam.world.backend = replace(iam.world.backend, listeners=Interrupted(iam.world.backend, meanwhile))
    elbv2(MODIFY, ListenerArn=listener, **mine)
    (told,) = elbv2("DescribeListeners", ListenerArns=[listener])["Listeners"]
    assert {name: told.get(name) for name in left} == left


def test_a_listener_that_speaks_plainly_meanwhile_gets_no_certificate(iam: Asking) -> None:
    arns = {name: upload(iam, name) for name in "ab"}
    elbv2, _, listener = front(iam, arns["a"])
    meanwhile = partial(elbv2, MODIFY, ListenerArn=listener, **PLAIN)
    iam.world.backend = replace(iam.world.backend, listeners=Interrupted(iam.world.backend, meanwhile))
    code = elbv2.code(ADD, ListenerArn=listener, Certificates=[{"CertificateArn": arns["b"]}])
    assert code == "ValidationError"
    assert elbv2("DescribeListenerCertificates", ListenerArn=listener)["Certificates"] == []
    iam("DeleteServerCertificate", ServerCertificateName="b")


@pytest.mark.parametrize("size", [1, 2, 3, None])
def test_certificates_of_a_listener_are_told_in_pages(iam: Asking, size: int | None) -> None:
    arns = [upload(iam, name) for name in "abc"]
    elbv2, _, listener = front(iam, arns[0])
    elbv2(ADD, ListenerArn=listener, Certificates=[{"CertificateArn": each} for each in arns[1:]])
    told: list[str] = []
    asked: dict[str, Any] = {"ListenerArn": listener} if size is None else {"ListenerArn": listener, "PageSize": size}
    marker: str | None = ""
    while marker is not None:
        page = elbv2("DescribeListenerCertificates", **asked, **({"Marker": marker} if marker else {}))
        assert len(page["Certificates"]) <= (size or 3)
        told += [each["CertificateArn"] for each in page["Certificates"]]
        marker = page.get("NextMarker")
    assert told == arns
    assert elbv2.code("DescribeListenerCertificates", ListenerArn=listener, PageSize=401) == "ValidationError"
    assert elbv2.code("DescribeListenerCertificates", ListenerArn=listener, Marker="x") == "ValidationError"


@pytest.mark.parametrize("how", ["twice", "chain", "reversed"])
def test_a_body_is_one_certificate(iam: Asking, how: str) -> None:
    (body, key), (other, _) = pair(), pair()
    text = {"twice": body + body, "chain": body + other, "reversed": other + body}[how]
    asked = {"ServerCertificateName": "web", "CertificateBody": text, "PrivateKey": key}
    assert iam.code("UploadServerCertificate", **asked) == "MalformedCertificate"
    assert iam("ListServerCertificates")["ServerCertificateMetadataList"] == []


@pytest.mark.parametrize("place", ["CertificateBody", "CertificateChain"])
@pytest.mark.parametrize("first", [True, False])
def test_a_key_beside_certificates_is_refused_for_it_would_be_told(iam: Asking, place: str, first: bool) -> None:
    ca = signer("ca")
    body, key = pair(by=ca)
    asked = {"CertificateBody": body, "PrivateKey": key, "CertificateChain": pem(signed(ca))}
    beside = {**asked, place: key + asked[place] if first else asked[place] + key}
    assert iam.code("UploadServerCertificate", ServerCertificateName="web", **beside) == "MalformedCertificate"
    words = {**asked, place: f"subject=CN = web\n{asked[place]}\n"}
    iam("UploadServerCertificate", ServerCertificateName="web", **words)


@pytest.mark.parametrize("place", ["CertificateBody", "CertificateChain"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda key: "\n".join(key.splitlines()[1:-1]),
        lambda key: key.replace("-----", "----"),
        lambda key: key.replace("-----", "\u2014"),
        lambda key: key.lower(),
        lambda key: "".join(key.splitlines()[1:-1]),
        lambda key: "-----BEGIN PRIVATE KEY\n",
    ],
)
def test_so_is_one_whose_first_and_last_lines_are_damaged(
    iam: Asking, place: str, damage: Callable[[str], str]
) -> None:
    ca = signer("ca")
    body, key = pair(by=ca)
    asked = {"CertificateBody": body, "PrivateKey": key, "CertificateChain": pem(signed(ca))}
    beside = {**asked, place: f"{damage(key)}\n{asked[place]}"}
    assert iam.code("UploadServerCertificate", ServerCertificateName="web", **beside) == "MalformedCertificate"


@pytest.mark.parametrize(
    ("known", "unknown"), [("2a8648ce3d0201", "2a8648ce3d0209"), ("2a8648ce3d030107", "2a8648ce3d030109")]
)
def test_a_certificate_of_a_key_of_no_known_kind_is_refused(iam: Asking, known: str, unknown: str) -> None:
    body, key = pair()
    der = x509.load_pem_x509_certificate(body.encode()).public_bytes(Encoding.DER)
    odd = pem(x509.load_der_x509_certificate(der.replace(bytes.fromhex(known), bytes.fromhex(unknown))))
    asked = {"ServerCertificateName": "web", "CertificateBody": odd, "PrivateKey": key}
    assert iam.code("UploadServerCertificate", **asked) == "MalformedCertificate"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), None),
        (lambda: ec.generate_private_key(ec.SECP384R1()), None),
        (lambda: ec.generate_private_key(ec.SECP521R1()), None),
        (lambda: ec.generate_private_key(ec.SECP256K1()), "MalformedCertificate"),
        (ed25519.Ed25519PrivateKey.generate, "MalformedCertificate"),
        (lambda: dsa.generate_private_key(1024), "MalformedCertificate"),
    ],
    ids=["rsa", "P-384", "P-521", "secp256k1", "Ed25519", "DSA"],
)
def test_a_key_is_one_that_clients_can_speak_with(iam: Asking, make: Callable[[], Key], code: str | None) -> None:
    body, text = pair(key=make())
    asked = {"ServerCertificateName": "web", "CertificateBody": body, "PrivateKey": text}
    if code is None:
        iam("UploadServerCertificate", **asked)
    else:
        assert iam.code("UploadServerCertificate", **asked) == code


def test_a_renamed_certificate_takes_no_other_from_its_listener(iam: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody gives the listener another one after it was found to have the one that is renamed."""
    arn = upload(iam, "web")
    elbv2, _, listener = front(iam, arn)
    other = arn.replace("/web", "/other")
    find = balancers.certified

    def late(conn: Connection, project_id: str, end: str) -> list[tuple[Scope, BalancerListener]]:
        found = find(conn, project_id, end)
        for scope, each in found:
            if each.certificates == (arn,):
                balancers.LISTENERS.change(conn, scope, each.id, certificates=(arn, other))
        return found

    monkeypatch.setattr(balancers, "certified", late)
    iam("UpdateServerCertificate", ServerCertificateName="web", NewServerCertificateName="new")
    told = elbv2("DescribeListenerCertificates", ListenerArn=listener)["Certificates"]
    assert [each["CertificateArn"] for each in told] == [arn.replace("/web", "/new"), other]


def test_the_default_certificate_may_be_among_the_others(iam: Asking) -> None:
    """Source: Elastic Load Balancing API, DescribeListenerCertificates: it is told twice then."""
    web = [{"CertificateArn": upload(iam, "web")}]
    elbv2, _, listener = front(iam, web[0]["CertificateArn"])
    assert elbv2.code("RemoveListenerCertificates", ListenerArn=listener, Certificates=web) == "OperationNotPermitted"
    for _ in range(2):
        elbv2("AddListenerCertificates", ListenerArn=listener, Certificates=web)
    told = elbv2("DescribeListenerCertificates", ListenerArn=listener)["Certificates"]
    assert told == [{**web[0], "IsDefault": True}, {**web[0], "IsDefault": False}]
    elbv2("RemoveListenerCertificates", ListenerArn=listener, Certificates=web)
    assert len(elbv2("DescribeListenerCertificates", ListenerArn=listener)["Certificates"]) == 1


def test_more_certificates_than_a_listener_may_have_are_too_many(iam: Asking) -> None:
    arn = upload(iam, "web")
    elbv2, _, listener = front(iam, arn)
    many = [{"CertificateArn": arn}] * 26
    assert elbv2.code(ADD, ListenerArn=listener, Certificates=many) == "TooManyCertificates"


def test_which_certificate_is_the_default_one_is_not_said_with_it(iam: Asking) -> None:
    arn = upload(iam, "web")
    elbv2, more, listener = front(iam, arn)
    given = [{"CertificateArn": arn, "IsDefault": False}]
    for operation, params in (
        ("CreateListener", {**more, "Port": 8443}),
        ("ModifyListener", {"ListenerArn": listener}),
        ("AddListenerCertificates", {"ListenerArn": listener}),
        ("RemoveListenerCertificates", {"ListenerArn": listener}),
    ):
        found = elbv2.refused(operation, **params, Certificates=given)
        assert found.message == "You cannot set the isDefault parameter for a certificate"


def test_a_listener_that_is_to_speak_plainly_has_no_certificate_any_more(iam: Asking) -> None:
    elbv2, _, listener = front(iam, upload(iam, "web"))
    changed = elbv2("ModifyListener", ListenerArn=listener, Protocol="HTTP")["Listeners"][0]
    assert (changed["Protocol"], changed.get("Certificates"), changed.get("SslPolicy")) == ("HTTP", None, None)
    iam("DeleteServerCertificate", ServerCertificateName="web")
    assert elbv2.code("ModifyListener", ListenerArn=listener, Protocol="HTTPS") == "ValidationError"


def test_a_certificate_that_a_listener_has_stays(iam: Asking) -> None:
    arn, other = upload(iam, "web", "/x/"), upload(iam, "other")
    elbv2, more, listener = front(iam, arn)
    balancer = more["LoadBalancerArn"]
    found = iam.refused("DeleteServerCertificate", ServerCertificateName="web")
    kept = iam.world.backend.server_certificates.find(SCOPE, "web")
    words = (
        f"Certificate: {kept.id} is currently in use by {balancer}. Please remove it first before deleting it from IAM."
    )
    assert (found.code, found.status, found.message) == ("DeleteConflict", 409, words)
    # Under another name it is the listener's all the same.
    iam("UpdateServerCertificate", ServerCertificateName="web", NewServerCertificateName="web2", NewPath="/y/")
    told = elbv2("DescribeListeners", ListenerArns=[listener])["Listeners"][0]["Certificates"]
    assert [each["CertificateArn"].rpartition(":")[2] for each in told] == ["server-certificate/y/web2"]
    assert iam.code("DeleteServerCertificate", ServerCertificateName="web2") == "DeleteConflict"
    elbv2("ModifyListener", ListenerArn=listener, Certificates=[{"CertificateArn": other}])
    iam("DeleteServerCertificate", ServerCertificateName="web2")
    assert iam.code("DeleteServerCertificate", ServerCertificateName="other") == "DeleteConflict"
    elbv2("DeleteLoadBalancer", LoadBalancerArn=balancer)
    iam("DeleteServerCertificate", ServerCertificateName="other")


def test_a_certificate_that_a_classic_listener_has_stays(iam: Asking) -> None:
    """In whichever region the balancer is: certificates are in none."""
    there = Scope(SCOPE.project_id, "us-west-2")
    elb, ec2 = Asking(iam.world, "elb", there), Asking(iam.world, "ec2", there)
    arn = upload(iam, "web")
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTP", "InstancePort": 80}
    subnet = ec2("DescribeSubnets")["Subnets"][0]["SubnetId"]
    elb(
        "CreateLoadBalancer",
        LoadBalancerName="old",
        Listeners=[{**listener, "SSLCertificateId": arn}],
        Subnets=[subnet],
    )
    setting = {"LoadBalancerName": "old", "LoadBalancerPort": 443, "SSLCertificateId": ""}
    assert elb.code("SetLoadBalancerListenerSSLCertificate", **setting) == "CertificateNotFound"  # it needs one
    found = iam.refused("DeleteServerCertificate", ServerCertificateName="web")
    assert found.code == "DeleteConflict"
    assert ":loadbalancer/old. Please" in found.message
    elb("DeleteLoadBalancer", LoadBalancerName="old")
    iam("DeleteServerCertificate", ServerCertificateName="web")


def test_a_listener_gets_no_certificate_that_goes_meanwhile(iam: Asking) -> None:
    """It was there when the request was looked at, and is not when its listener is written."""
    arn = upload(iam, "web", "/x/")
    iam.world.store.transact(lambda conn: hold(conn, SCOPE, [arn]))
    for gone in (arn.replace("/x/web", "/none"), arn.replace("/x/web", "/y/web")):
        with pytest.raises(CertificateMissing):
            iam.world.store.transact(lambda conn, gone=gone: hold(conn, SCOPE, [gone]))


def test_a_certificate_is_told_by_its_whole_arn(iam: Asking) -> None:
    """By another path, or another account, it would not be found in use, and could be deleted under its listener."""
    arn = upload(iam, "web", "/x/")
    account = arn.split(":")[4]
    elbv2, more, listener = front(iam, arn)
    for other in (
        arn.replace("/x/web", "/web"),
        arn.replace("/x/web", "/y/web"),
        f"arn:aws:iam::999999999999:server-certificate/{account}/web",
        f"arn:aws:acm:us-east-1:999999999999:certificate/00000000-0000-4000-8000-{account}",
    ):
        for operation, params in (
            ("CreateListener", {**more, "Port": 8443}),
            ("AddListenerCertificates", {"ListenerArn": listener}),
        ):
            found = elbv2.code(operation, **params, Certificates=[{"CertificateArn": other}])
            assert found == "CertificateNotFound"


def test_what_is_no_certificate_is_refused(iam: Asking) -> None:
    body, key = pair()
    other = pair()[1]
    for given, code in (
        ({"CertificateBody": "x", "PrivateKey": key}, "MalformedCertificate"),
        ({"CertificateBody": body, "PrivateKey": "x"}, "MalformedCertificate"),
        ({"CertificateBody": body, "PrivateKey": key, "CertificateChain": "x"}, "MalformedCertificate"),
        ({"CertificateBody": body, "PrivateKey": other}, "KeyPairMismatch"),
    ):
        assert iam.code("UploadServerCertificate", ServerCertificateName="web", **given) == code


@pytest.mark.parametrize("days", [-91, 1])
def test_a_certificate_is_taken_in_its_time_alone(iam: Asking, days: int) -> None:
    body, key = pair(begins_at=NOW + timedelta(days=days))
    asked = {"ServerCertificateName": "web", "CertificateBody": body, "PrivateKey": key}
    found = iam.refused("UploadServerCertificate", **asked)
    assert (found.code, found.message.partition(".")[0]) == ("MalformedCertificate", "Certificate is no longer valid")


def test_a_chain_begins_with_who_signed_the_certificate_and_goes_on_in_order(iam: Asking) -> None:
    root, middle, stranger = signer("root"), signer("middle"), signer("middle")
    body, key = pair(by=middle)
    asked = {"CertificateBody": body, "PrivateKey": key}
    signing, first = signed(middle, by=root), signed(root)
    for chain in (
        [first],
        [first, signing],
        [signing, signed(stranger)],
        [signed(stranger, by=root)],
        [signing, signing],
    ):
        found = iam.refused(
            "UploadServerCertificate", ServerCertificateName="no", CertificateChain=pem(*chain), **asked
        )
        assert (found.code, "chain must start with" in found.message) == ("MalformedCertificate", True)
    for name, chain in (("short", [signing]), ("whole", [signing, first])):
        iam("UploadServerCertificate", ServerCertificateName=name, CertificateChain=pem(*chain), **asked)


def test_without_a_key_that_seals_no_private_key_is_kept() -> None:
    world = World()
    body, key = pair()
    asked = {"ServerCertificateName": "web", "CertificateBody": body, "PrivateKey": key}
    assert Asking(world, "iam").code("UploadServerCertificate", **asked) == "AccessDenied"
    world.close()
