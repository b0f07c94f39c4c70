"""What several change at once of one thing: none undoes what another did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from backend.domain.parameters import ParameterType
from backend.drivers.catalog import Catalog
from backend.drivers.simulated import SimulatedCloud
from backend.services.identity_providers import IdentityProviders
from backend.services.parameters import NewParameter, Parameters
from backend.services.queues import Queues
from backend.services.roles import NewRole, Roles
from backend.services.target_groups import TargetGroups
from backend.services.topics import Topics
from backend.store.balancers import GROUPS
from backend.store.parameters import PARAMETERS, key_of
from backend.store.secrets import Seal
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
        self.parameters = Parameters(store, Catalog(cloud, clock), clock, Seal())

    def parameter(self):
        self._put("a")
        return lambda name: self.parameters.retag(SCOPE, "p", {name: ""}), lambda: self.parameters.find(SCOPE, "p").tags

    def labels(self):
        self._put("a")
        label = lambda name: self.parameters.label(SCOPE, "p", 1, [name])  # noqa: E731
        return label, lambda: self.parameters.find(SCOPE, "p", "1").labels, 3

    def versions(self):
        """Of each the description tells who wrote it."""
        return self._put, lambda: [each.description for each in self._versions()]

    def _versions(self):
        with self.store.read() as conn:
            return PARAMETERS.all(conn, SCOPE, parameter=key_of("p"))

    def _put(self, name):
        wanted = NewParameter("p", "text", ParameterType.STRING, description=name)
        self.parameters.put(SCOPE, wanted, "me", overwrite=True)

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
    "kind",
    [
        "role",
        "provider",
        "tags_of_provider",
        "queue",
        "topic",
        "settings_of_topic",
        "target_group",
        "parameter",
        "labels",
        "versions",
    ],
)
def test_none_undoes_what_another_did(store, clock, kind):
    change, told, *fewer = getattr(Changed(store, clock), kind)()
    many = fewer[0] if fewer else MANY
    for turn in range(3):
        begin = Barrier(many)

        def work(number, turn=turn, begin=begin):
            begin.wait(30)
            change(f"{turn}-{number}")

        with ThreadPoolExecutor(many) as pool:
            list(pool.map(work, range(many)))
    assert sorted(told()) == sorted(f"{turn}-{number}" for turn in range(3) for number in range(many))
