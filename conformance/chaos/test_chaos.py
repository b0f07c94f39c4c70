"""Four engines, two gateways, eight customers; everything dies, stands still or goes away. Nothing is lost by it.

`make chaos MINUTES=20 SEED=7` goes on for so long with 200 groups; without, each fault comes once.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from conformance.chaos.afterwards import Afterwards
from conformance.chaos.customers import Customer
from conformance.chaos.faults import Faults
from conformance.chaos.installation import Installation, installation
from conformance.product import until
from tests.databases import start

MINUTES = float(os.environ.get("COPPICE_CHAOS_MINUTES") or 0)
SEED = int(os.environ.get("COPPICE_CHAOS_SEED") or 7)
ENGINES, GATEWAYS, CUSTOMERS, ACCOUNTS = 4, 2, 8, 4
GROUPS = 200 if MINUTES else 24
OURS = ("Traceback (most recent call last)", "a job failed", "tick failed", "InternalFailure")
"""What is in a log only where something went wrong that was not done to it."""


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_nothing_is_lost_by_it(kind: str, tmp_path: Path) -> None:
    with (
        start.database(kind, durable=True) as database,
        installation(tmp_path, database, engines=ENGINES, gateways=GATEWAYS, accounts=ACCOUNTS) as made,
    ):
        accounts = list(made.accounts)
        customers = [
            Customer(made, accounts[number % ACCOUNTS], number, GROUPS // CUSTOMERS, SEED)
            for number in range(CUSTOMERS)
        ]
        afterwards = Afterwards(made, customers)
        try:
            _blow(made, customers)
            _look(made, afterwards)
        finally:
            afterwards.close()


def _blow(made: Installation, customers: list[Customer]) -> None:
    faults = Faults(made, random.Random(SEED))
    for customer in customers:
        customer.prepare()
        customer.start()
    until("all have groups", lambda: all(customer.granted for customer in customers), 60)
    ends_at = time.monotonic() + MINUTES * 60
    while True:
        for fault in faults.every():
            before = sum(customer.granted for customer in customers)
            fault()
            made.await_gateways()
            until("customers are served", lambda before=before: _served(customers) >= before + 5, 60)
        if time.monotonic() >= ends_at:
            break
    faults.await_all()
    for customer in customers:
        customer.stop.set()
    for customer in customers:
        customer.join(120)
        assert not customer.is_alive(), f"{customer.name} waits for an answer"
        if customer.failed is not None:
            raise customer.failed
    answers = sum((customer.answers for customer in customers), Counter[str]())
    print(f"\nchaos, seed {SEED}: {dict(faults.done)}; answers: {dict(answers.most_common())}")


def _served(customers: list[Customer]) -> int:
    for customer in customers:
        if customer.failed is not None:
            raise customer.failed
    return sum(customer.granted for customer in customers)


def _look(made: Installation, afterwards: Afterwards) -> None:
    state = [""]

    def at_rest() -> bool:
        before, state[0] = state[0], afterwards.at_rest()
        if state[0] not in {before, ""}:
            print(f"not yet at rest: {state[0]}")
        return not state[0]

    try:
        until("all is at rest", at_rest, 120, pause=1)
    except AssertionError as late:
        raise AssertionError(f"{late}: {state[0]}") from None
    afterwards.check()
    assert afterwards.broken_promises() == []
    assert [part.name for part in made.parts() if part.process is None or part.process.poll() is not None] == []
    assert made.told(*OURS) == []
    for part in made.engines:
        part.await_engine()
        assert part.end() == 0, part.name
    assert afterwards.left() == []
