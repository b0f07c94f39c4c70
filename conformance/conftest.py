"""The server under test, clients of it, and what every suite needs on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import client
from conformance.fleet import Fleet, make_fleet
from conformance.product import ON_OPENSTACK, Access, Product, access_from, make_product
from conformance.support import Support, probe

# One lane's suites are no other's: what only a real cloud shows, and what the simulated one alone can be made to do.
collect_ignore = (
    ["chaos", "test_faults.py", "sdk/test_accounts.py", "sdk/test_traffic.py", "recorded"]
    if ON_OPENSTACK
    else ["openstack_lane", "two_regions"]
)
if ON_OPENSTACK and "COPPICE_STACKS" not in os.environ:
    collect_ignore.append(
        "terraform/test_stacks.py"
    )  # `make stacks`; openstack_lane/test_whole_stack.py is its short form
if "COPPICE_QUEUES" not in os.environ:
    collect_ignore.append("openstack_lane/test_queues.py")  # `make queues` has a Zaqar
if "COPPICE_GUESTS" not in os.environ:
    collect_ignore.append("openstack_lane/test_guests.py")  # `make guests` has servers that really run
if "COPPICE_METRICS" not in os.environ:
    collect_ignore.append("openstack_lane/test_metrics.py")  # `make metrics` has a Gnocchi and an Aodh
if "COPPICE_BALANCERS" not in os.environ:
    collect_ignore.append("openstack_lane/test_forwarding.py")  # `make balancers` has balancers that forward
if "COPPICE_SECRETS" not in os.environ:
    collect_ignore.append("openstack_lane/test_secrets.py")  # `make secrets` has a Barbican
if "COPPICE_CERTIFICATES" not in os.environ:
    collect_ignore.append(
        "openstack_lane/test_https.py"
    )  # `make certificates` has a Barbican and balancers that forward
if "COPPICE_UPGRADE_FROM" not in os.environ:
    collect_ignore.append("upgrade")  # `make upgrade-proof`: it takes minutes, and a clone with its history
if "COPPICE_EVENTS" not in os.environ:
    collect_ignore.append("openstack_lane/test_events.py")  # `make events`
if "COPPICE_STORM_MINUTES" not in os.environ:
    collect_ignore.append("openstack_lane/test_long_storm.py")  # `make storm`; test_storms.py is its short form


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "last: looks back at the whole run")
    config.addinivalue_line("markers", "embedded(reason): asks for what the test cloud has not")
    if ON_OPENSTACK:
        # What the SDK will call otherwise some day is no concern of these suites.
        config.addinivalue_line("filterwarnings", "ignore::PendingDeprecationWarning")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What looks back at the whole run comes last; what the test cloud has not is not asked of it."""
    if ON_OPENSTACK and (elsewhere := [item for item in items if item.get_closest_marker("embedded")]):
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A Coppice of our own."""
    made = make_product(tmp_path_factory.mktemp("product") / "state")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Access:
    """The Coppice under test: the one of COPPICE_URL with the AWS variables' keys, or one of our own."""
    if url := os.environ.get("COPPICE_URL"):
        return access_from({**os.environ, "AWS_ENDPOINT_URL": url})
    own: Product = request.getfixturevalue("product")
    return own.access


@pytest.fixture(scope="session")
def asg(server: Access) -> Any:
    return client(server, "autoscaling")


@pytest.fixture(scope="session")
def loose_asg(server: Access) -> Any:
    """An autoscaling client that sends what botocore would refuse to send."""
    return client(server, "autoscaling", strict=False)


@pytest.fixture(scope="session")
def ec2(server: Access) -> Any:
    return client(server, "ec2")


@pytest.fixture(scope="session")
def loose_ec2(server: Access) -> Any:
    return client(server, "ec2", strict=False)


@pytest.fixture(scope="session")
def shared_fleet(asg: Any, ec2: Any) -> Iterator[Fleet]:
    made = make_fleet(asg, ec2)
    yield made
    made.sweep()


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Iterator[Fleet]:
    """A fleet whose groups end with the test; the removal itself is awaited at the end of the run."""
    before = len(shared_fleet.made)
    yield shared_fleet
    shared_fleet.dismiss(shared_fleet.made[before:])


@pytest.fixture(scope="session")
def account(server: Access) -> str:
    found: str = client(server, "sts").get_caller_identity()["Account"]
    return found


@pytest.fixture(scope="session")
def support(server: Access) -> Support:
    """What the server answers, asked once a run."""
    return probe(server)
