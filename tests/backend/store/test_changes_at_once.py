"""What several change at once of one thing: none undoes what another did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from backend.drivers.catalog import Catalog
from backend.drivers.simulated import SimulatedCloud
from backend.services.identity_providers import IdentityProviders
from backend.services.queues import Queues
from backend.services.roles import NewRole, Roles
from backend.services.target_groups import TargetGroups
from backend.services.topics import Topics
from backend.store.balancers import GROUPS
from tests.backend.drivers.openstack.test_balancers import GROUP
from tests.factories import SCOPE

MANY = 6


class Changed:
    """One thing of each kind; what changes it, and what it has then."""

    def __init__(self, store, clock) -> None:
        self.roles, self.providers = Roles(store, clock), IdentityProviders(store, clock)
        self.queues, self.topics = Queues(store, clock), Topics(store, clock)
        cloud = SimulatedCloud.open(None, clock).cloud
        self.store, self.groups = store, TargetGroups(store, cloud, Catalog(cloud, clock), clock)

    def target_group(self):
        self.store.transact(lambda conn: GROUPS.add(conn, SCOPE, GROUP))
        change = lambda name: self.groups.change(SCOPE, GROUP.id, attributes={name: ""})  # noqa: E731
        return change, lambda: self.groups.get(SCOPE, GROUP.id).attributes.keys() - GROUP.attributes.keys()

    def role(self):
        self.roles.create(SCOPE, NewRole("r", "/", "{}"))
        return lambda name: self.roles.retag(SCOPE, "r", {name: ""}), lambda: self.roles.find(SCOPE, "r").tags

    def provider(self):
        self.providers.create(SCOPE, "u", (), (), {})
        add = lambda name: self.providers.add_client(SCOPE, "u", name)  # noqa: E731
        return add, lambda: self.providers.find(SCOPE, "u").client_ids

    def tags_of_provider(self):
        self.providers.create(SCOPE, "u", (), (), {})
        return lambda name: self.providers.retag(SCOPE, "u", {name: ""}), lambda: self.providers.find(SCOPE, "u").tags

    def queue(self):
        self.queues.create(SCOPE, "q", {}, {})
        return lambda name: self.queues.retag(SCOPE, "q", {name: ""}), lambda: self.queues.find(SCOPE, "q").tags

    def topic(self):
        self.topics.create(SCOPE, "t", {}, {})
        return lambda name: self.topics.retag(SCOPE, "t", {name: ""}), lambda: self.topics.find(SCOPE, "t").tags

    def settings_of_topic(self):
        self.topics.create(SCOPE, "t", {}, {})
        change = lambda name: self.topics.change(SCOPE, "t", {"further": {name: ""}})  # noqa: E731
        return change, lambda: self.topics.find(SCOPE, "t").further


@pytest.mark.parametrize(
    "kind", ["role", "provider", "tags_of_provider", "queue", "topic", "settings_of_topic", "target_group"]
)
def test_none_undoes_what_another_did(store, clock, kind):
    change, told = getattr(Changed(store, clock), kind)()
    for turn in range(3):
        begin = Barrier(MANY)

        def work(number, turn=turn, begin=begin):
            begin.wait(30)
            change(f"{turn}-{number}")

        with ThreadPoolExecutor(MANY) as pool:
            list(pool.map(work, range(MANY)))
    assert sorted(told()) == sorted(f"{turn}-{number}" for turn in range(3) for number in range(MANY))
