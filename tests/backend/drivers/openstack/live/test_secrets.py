"""Keys of secrets in a real Barbican, asked for by the service user: ``make secrets``."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from oslo_config import cfg

from backend.drivers import castellan_keys
from backend.drivers.key_manager import KeptKeys, KeyManager
from backend.drivers.openstack.barbican import login_of
from backend.errors import KeysUnreached
from backend.store.secrets import Seal, new_key
from conformance.openstack.cloud import connect


@pytest.fixture
def opened(settings) -> Callable[[], KeyManager]:
    """The manager, opened anew."""

    def make():
        conf = cfg.ConfigOpts()
        conf(args=[], project="coppice", default_config_files=[])
        return castellan_keys.opened("barbican", conf, 20.0, lambda: login_of(settings))

    return make


def test_a_key_that_was_put_there_opens_what_it_sealed(opened):
    key = new_key()
    reference = KeptKeys(opened, "Barbican").put(key)
    (found,) = KeptKeys(opened, "Barbican").of([reference])
    assert Seal([found]).open(Seal([key]).close("s3cret")) == "s3cret"


def by_hand(user, state):
    """The reference of a key that a user puts there as text, and the key."""
    key = new_key()
    with connect(user, state) as connection:
        answer = connection.session.post(
            "/v1/secrets",
            endpoint_filter={"service_type": "key-manager"},
            json={"name": "by hand", "payload": key, "payload_content_type": "text/plain"},
        )
    return answer.json()["secret_ref"].rpartition("/")[2], key


def test_a_key_that_an_operator_put_there_as_text_is_one(opened, state):
    reference, key = by_hand("coppice", state)
    assert KeptKeys(opened, "Barbican").of([reference]) == [key]


def test_one_that_is_not_there_is_named(opened):
    reference = str(uuid.uuid4())
    with pytest.raises(KeysUnreached, match=f"Barbican has not the key {reference}"):
        opened().get(reference)


def test_one_of_another_project_is_not_shown(opened, state):
    reference, key = by_hand("other", state)
    with pytest.raises(KeysUnreached, match=reference) as refused:
        opened().get(reference)
    assert key not in str(refused.value)
