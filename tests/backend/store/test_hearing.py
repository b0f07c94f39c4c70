"""Receivers on every database: two gateways that hear the same message at the same time act once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.domain.receivers import Outcome, Signal, WantedReceiver
from backend.domain.scaling import Adjustment, PolicyKind, WantedPolicy
from backend.services.scaling_policies import Said
from tests.factories import SCOPE, World


@pytest.fixture
def world(store, migrated):
    made = World(url=migrated)
    yield made
    made.close()


def test_it_is_done_once(world, migrated):
    said = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {"name": alarm.name})
    world.group("web", minimum=0, desired=0)
    policy = WantedPolicy("out", PolicyKind.SIMPLE, Adjustment.CHANGE, 1, cooldown_seconds=0)
    world.backend.scaling_policies.put(SCOPE, "web", policy, said)
    _, token = world.backend.receivers.add(SCOPE, WantedReceiver("web", policy_name="out"))
    known = world.backend.receivers.of(token)
    start = threading.Barrier(4)

    def hear(_):
        other = World(url=migrated, over=world.simulated)
        try:
            start.wait(30)
            return other.backend.receivers.hear(*known, Signal(True, "the same"))
        finally:
            other.store.close()

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(hear, range(4)))
    assert outcomes == [Outcome.AGAIN] * 3 + [Outcome.SCALED]
    assert world.backend.clusters.get(SCOPE, "web").spec.desired == 1
