"""What a customer of the chaos suite holds against what it is told."""

import threading

from conformance.chaos.customers import DESIRED, THERE, Customer, Promise


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


def test_nothing_of_a_customer_stands_in_the_place_of_what_threads_are_made_of():
    assert set(vars(Customer)) & {name for name in vars(threading.Thread) if not name.startswith("__")} == {"run"}
