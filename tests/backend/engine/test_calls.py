from __future__ import annotations

import threading

import pytest

from backend.domain.scope import Scope
from backend.engine.calls import Call, InlineCalls, ThreadedCalls

ONE, TWO = Scope("one", "r"), Scope("two", "r")


def _drain(calls, futures):
    while not all(future.done() for future in futures):
        calls.wait(5)
    return [future.result() for future in futures]


def test_inline_calls_are_done_when_submitted():
    futures = InlineCalls().submit([Call(ONE, lambda: 1), Call(TWO, lambda: 2)])
    assert [future.result() for future in futures] == [1, 2]


def test_a_project_has_only_its_share_at_once():
    lock, running, most = threading.Lock(), {ONE: 0, TWO: 0}, {ONE: 0, TWO: 0}

    def ask(scope):
        with lock:
            running[scope] += 1
            most[scope] = max(most[scope], running[scope])
        together.wait(5) if scope is TWO else None
        with lock:
            running[scope] -= 1
        return scope

    together = threading.Barrier(2)
    calls = ThreadedCalls(at_once=8, per_project=2)
    futures = calls.submit([Call(scope, lambda scope=scope: ask(scope)) for scope in (ONE,) * 6 + (TWO,) * 2])
    assert _drain(calls, futures) == [ONE] * 6 + [TWO] * 2
    assert most[ONE] <= 2
    assert most[TWO] == 2
    calls.close()


def test_heavy_calls_wait_for_each_other_and_hold_up_nobody_else():
    lock, running, most = threading.Lock(), 0, 0
    light_done = threading.Event()

    def ask():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        light_done.wait(5)  # the first heavy call ends only after the light one behind it
        with lock:
            running -= 1
        return "heavy"

    def light():
        light_done.set()
        return "light"

    calls = ThreadedCalls(at_once=8, per_project=1, heavy_at_once=1)
    futures = calls.submit([*(Call(scope, ask, heavy=True) for scope in (ONE, TWO, ONE)), Call(ONE, light)])
    assert _drain(calls, futures) == ["heavy"] * 3 + ["light"]
    assert most == 1
    calls.close()


def test_a_fault_of_a_call_reaches_who_asked():
    def fail():
        raise ValueError("broken")

    calls = ThreadedCalls(at_once=1, per_project=1)
    (future,) = calls.submit([Call(ONE, fail)])
    calls.wait(5)
    with pytest.raises(ValueError, match="broken"):
        future.result(5)
    calls.close()
