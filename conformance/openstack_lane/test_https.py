"""Listeners that end TLS, for a client that looks at the certificate: ``make certificates``.

The certificates are IAM's, and lie in a real Barbican while listeners have them; Octavia takes them from there with the
right that it gives itself, and an HAProxy for each balancer shows them. The servers' answers are simulated.
"""

from __future__ import annotations

import datetime
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.clients import client
from conformance.fleet import Fleet, unique
from conformance.openstack import backends
from conformance.openstack.balancers import enter
from conformance.openstack.cloud import connect, state_folder
from conformance.openstack.settings import Settings, settle
from conformance.openstack_lane.fronts import LONG, address_of, gone
from conformance.openstack_lane.operator import short
from conformance.product import TENANT, Access, Product, make_product, until

_SECONDS = 10.0
_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A Coppice that waits longer: balancers share the machine with the cloud."""
    patience = {"OS_ENGINE__LAUNCH_GRACE_SECONDS": "120", "OS_OPENSTACK__PORT_GRACE_SECONDS": "300"}
    made = make_product(tmp_path_factory.mktemp("product") / "state", patience)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    found = settle(state_folder(), None)
    with backends.running(found):
        yield found


@pytest.fixture(scope="module")
def elb(server: Access) -> Any:
    return client(server, "elbv2")


@pytest.fixture(scope="module")
def iam(server: Access) -> Any:
    return client(server, "iam")


@dataclass(frozen=True)
class Certified:
    """A certificate in IAM, that is its own authority."""

    host: str
    name: str
    arn: str
    authority: Path


@pytest.fixture
def certified(iam: Any, tmp_path: Path) -> Iterator[Callable[[str], Certified]]:
    made = list[Certified]()

    def certify(host: str) -> Certified:
        body, key = _signed(host)
        told = iam.upload_server_certificate(
            ServerCertificateName=unique("https"), CertificateBody=body, PrivateKey=key
        )["ServerCertificateMetadata"]
        authority = tmp_path / host
        authority.write_text(body)
        made.append(Certified(host, told["ServerCertificateName"], told["Arn"], authority))
        return made[-1]

    yield certify
    for each in made:
        iam.delete_server_certificate(ServerCertificateName=each.name)


def _signed(host: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return own.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()


class Visitor:
    """A client that believes a few certificates, and asks by name as browsers do."""

    def __init__(self, settings: Settings, address: str, *known: Certified) -> None:
        self._address = address
        self._context = ssl.create_default_context()
        for each in known:
            self._context.load_verify_locations(each.authority)
        # Its one thread is where balancers can be reached.
        self._thread = ThreadPoolExecutor(1, initializer=enter, initargs=(settings,))

    def asks(self, host: str) -> str:
        """What a server said, the certificate being one for this host; why there is no answer otherwise."""
        return self._thread.submit(self._ask, host).result(_SECONDS * 3)

    def _ask(self, host: str) -> str:
        try:
            link = socket.create_connection((self._address, 443), _SECONDS)
            with link, self._context.wrap_socket(link, server_hostname=host) as secure:
                connection = http.client.HTTPConnection(host)
                connection.sock = secure
                connection.request("GET", "/", headers={"Connection": "close"})
                answer = connection.getresponse()
                return answer.read().decode().strip() if answer.status == 200 else f"HTTP {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"

    def end(self) -> None:
        self._thread.shutdown()


@pytest.fixture
def target_group(elb: Any, ec2: Any) -> Iterator[str]:
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    quick = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 3, "HealthyThresholdCount": 2}
    made = elb.create_target_group(Name=unique("tg"), Protocol="HTTP", Port=80, VpcId=vpc, **quick)
    arn = str(made["TargetGroups"][0]["TargetGroupArn"])
    yield arn
    elb.delete_target_group(TargetGroupArn=arn)


@pytest.fixture
def member(shared_fleet: Fleet, target_group: str) -> Iterator[str]:
    """The one server behind the target group."""
    group = shared_fleet.create(0, TargetGroupARNs=[target_group], DefaultInstanceWarmup=0)
    shared_fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
    (found,) = shared_fleet.settle(group, 1, seconds=LONG)
    yield found
    shared_fleet.delete(group)


def _secrets() -> list[str]:
    """Names of what lies in the tenant's Barbican for listeners."""
    with connect(TENANT) as owner:
        return [each.name for each in owner.key_manager.secrets() if each.name.startswith("coppice-")]


def test_a_balancer_of_two_names(
    elb: Any,
    iam: Any,
    certified: Callable[[str], Certified],
    shared_fleet: Fleet,
    settings: Settings,
    target_group: str,
    member: str,
) -> None:
    """It shows each name its own certificate, and another once the first is changed; nothing stays behind in Barbican."""
    first, second, third = (certified(f"{each}.example") for each in ("first", "second", "third"))
    name, before = unique("lb"), _secrets()
    subnets = list(shared_fleet.subnets.values())[:2]
    made = elb.create_load_balancer(Name=name, Subnets=subnets, Scheme="internal")["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    listener = elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        SslPolicy=_POLICY,
        Certificates=[{"CertificateArn": first.arn}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )["Listeners"][0]["ListenerArn"]
    visitor = Visitor(settings, address_of(name), first, second, third)

    def is_answered(host: str) -> bool:
        answer = visitor.asks(host)
        return short(answer.rsplit(maxsplit=1)[-1] if answer else "") == member

    def are_answered(*hosts: str) -> Callable[[], bool]:
        return lambda: all(map(is_answered, hosts))

    try:
        until("the first name is answered", are_answered(first.host), LONG, pause=1)
        assert "CERTIFICATE_VERIFY_FAILED" in visitor.asks(second.host)
        elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": second.arn}])
        until("both names are answered", are_answered(first.host, second.host), LONG, pause=1)
        elb.modify_listener(ListenerArn=listener, Certificates=[{"CertificateArn": third.arn}])
        until("the third takes the first one's place", are_answered(third.host, second.host), LONG, pause=1)
        assert "CERTIFICATE_VERIFY_FAILED" in visitor.asks(first.host)
        with pytest.raises(iam.exceptions.DeleteConflictException):
            iam.delete_server_certificate(ServerCertificateName=second.name)
        until("the first one's secret is gone", lambda: len(_secrets()) == len(before) + 2, LONG, pause=1)
    finally:
        visitor.end()
        elb.delete_load_balancer(LoadBalancerArn=arn)
        until("the balancer is gone", lambda: gone(elb, arn), LONG)
    until("no secret is left", lambda: sorted(_secrets()) == sorted(before), LONG, pause=1)


def test_a_classic_balancer_changes_its_certificate(
    server: Access, certified: Callable[[str], Certified], shared_fleet: Fleet, settings: Settings
) -> None:
    first, second = (certified(f"{each}.classic.example") for each in ("first", "second"))
    name, before, elb = unique("clb"), _secrets(), client(server, "elb")
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTP", "InstancePort": 80}
    elb.create_load_balancer(
        LoadBalancerName=name,
        Subnets=list(shared_fleet.subnets.values())[:2],
        Scheme="internal",
        Listeners=[{**listener, "SSLCertificateId": first.arn}],
    )
    quick = {"Interval": 5, "Timeout": 3, "UnhealthyThreshold": 2, "HealthyThreshold": 2}
    elb.configure_health_check(LoadBalancerName=name, HealthCheck={"Target": "TCP:80", **quick})
    group = shared_fleet.create(0, LoadBalancerNames=[name], DefaultInstanceWarmup=0)
    visitor = Visitor(settings, address_of(name), first, second)

    def answered_by(members: Sequence[str], host: str) -> Callable[[], bool]:
        return lambda: short((visitor.asks(host).split() or [""])[-1]) in members

    try:
        shared_fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
        members = shared_fleet.settle(group, 1, seconds=LONG)
        until("the first name is answered", answered_by(members, first.host), LONG, pause=1)
        elb.set_load_balancer_listener_ssl_certificate(
            LoadBalancerName=name, LoadBalancerPort=443, SSLCertificateId=second.arn
        )
        until("the second name is answered", answered_by(members, second.host), LONG, pause=1)
        assert "CERTIFICATE_VERIFY_FAILED" in visitor.asks(first.host)
    finally:
        visitor.end()
        shared_fleet.delete(group)
        elb.delete_load_balancer(LoadBalancerName=name)
    until("no secret is left", lambda: sorted(_secrets()) == sorted(before), LONG, pause=1)
