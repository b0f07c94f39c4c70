"""What a customer of the chaos suite holds against what it is told."""

import threading
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance.chaos.customers import DESIRED, LATE_SECONDS, MAY_BE_TOLD, THERE, Customer, Promise
from conformance.writers import Writer


def test_what_was_acknowledged_last_is_all_that_may_be_told():
    promise = Promise()
    promise.granted(**{THERE: True, DESIRED: 2})
    assert promise.holds({DESIRED: 2}) == []
    assert promise.holds({DESIRED: 3}) == ["desired is 3, promised was [2]"]
    assert promise.holds(None) == ["it is gone"]


def test_what_got_no_answer_may_be_so_or_not():
    promise = Promise()
    promise.granted(**{THERE: True, DESIRED: 2})
    promise.asked(**{DESIRED: 3})
    assert promise.holds({DESIRED: 2}) == promise.holds({DESIRED: 3}) == []
    assert promise.holds({DESIRED: 4})
    promise.asked(**{THERE: False})
    assert promise.holds(None) == []
    assert not promise.surely_there


def test_nothing_is_there_that_nobody_asked_for():
    assert Promise().holds({DESIRED: 1}) == ["it is there"]
    assert Promise().holds(None) == []


def test_what_nobody_waited_for_any_longer_may_come_after_what_was_granted():
    promise = Promise()
    promise.granted(**{THERE: True, DESIRED: 2})
    promise.asked(**{DESIRED: 3})
    promise.given_up(**{DESIRED: 3})
    promise.granted(**{DESIRED: 4})
    assert promise.holds({DESIRED: 3}) == promise.holds({DESIRED: 4}) == []
    assert promise.holds({DESIRED: 2})


def test_what_nobody_waited_for_is_over_one_day():
    at = [0.0]
    promise = Promise(now=lambda: at[0])
    promise.granted(**{THERE: True, DESIRED: 2})
    promise.given_up(**{DESIRED: 3})
    at[0] = LATE_SECONDS - 1
    promise.granted(**{DESIRED: 4})
    assert promise.holds({DESIRED: 3}) == []
    at[0] = LATE_SECONDS + 1
    promise.granted(**{DESIRED: 4})
    assert promise.holds({DESIRED: 3})
    assert promise.holds({DESIRED: 4}) == []


@pytest.mark.parametrize("operation", MAY_BE_TOLD)
@pytest.mark.parametrize(
    ("status", "code", "is_broken"),
    [
        (400, "ValidationError", None),
        (400, "AlreadyExists", None),
        (400, "MalformedQueryString", True),
        (400, "Throttling", True),
        (403, "AccessDenied", True),
        (403, "InvalidClientTokenId", True),
        (503, "ServiceUnavailable", False),
    ],
)
def test_a_refusal_that_no_customer_brought_about_breaks_a_promise(operation, status, code, is_broken):
    """``is_broken``: None where it is so unless the operation may be told that."""
    told: Any = {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    customer: Any = SimpleNamespace(number=1, answers=Counter(), broken=[], stop=threading.Event())
    customer.stop.set()
    promise = Promise()
    promise.granted(**{THERE: True, DESIRED: 2})
    promise.asked(**{DESIRED: 3})
    Customer._refused(customer, ClientError(told, "Any"), operation, promise, {THERE: {True}, DESIRED: {2}})
    expected = code not in MAY_BE_TOLD[operation] if is_broken is None else is_broken
    assert bool(customer.broken) is expected


@pytest.mark.parametrize(
    ("status", "code", "is_broken"),
    [(400, "ValidationError", False), (400, "AlreadyExists", False), (403, "AccessDenied", True), (500, "X", False)],
)
def test_a_writer_tells_what_no_user_brought_about(status, code, is_broken):
    class Refused(Writer):
        def ask(self, wanted):
            self.stop.set()
            told: Any = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(told, "Any")

    nowhere: Any = None
    writer = Refused(nowhere, "template", 1)
    writer.run()
    assert bool(writer.broken) is is_broken


def test_nothing_of_a_customer_stands_in_the_place_of_what_threads_are_made_of():
    assert set(vars(Customer)) & {name for name in vars(threading.Thread) if not name.startswith("__")} == {"run"}
