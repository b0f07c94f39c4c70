from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.domain.delegation import SecretUnreadable
from backend.errors import KeysUnreached
from backend.store.secrets import KeyMissing, Ring, Seal, new_key
from tests.factories import HandClock


def test_what_is_sealed_is_opened_and_cannot_be_read():
    seal = Seal([new_key()])
    sealed = seal.close("the secret")
    assert "the secret" not in sealed
    assert seal.open(sealed) == "the secret"
    assert seal.close("the secret") != sealed


def test_keys_rotate():
    old, new = new_key(), new_key()
    sealed = Seal([old]).close("the secret")
    both = Seal([new, old])
    assert both.open(sealed) == "the secret"
    with pytest.raises(SecretUnreadable):
        Seal([new]).open(sealed)
    assert Seal([new]).open(both.renew(sealed)) == "the secret"


def test_without_a_key_nothing_is_sealed_or_opened():
    seal = Seal([])
    assert not seal.has_keys
    with pytest.raises(KeyMissing, match="no key is set"):
        seal.close("the secret")
    with pytest.raises(KeyMissing):
        seal.open("x")


def test_a_key_is_never_shown():
    key = new_key()
    assert key not in repr(Seal([key]))
    with pytest.raises(ValueError, match="32"):
        Seal(["no key"])


class Elsewhere:
    """Keys that are kept elsewhere, and can be away."""

    def __init__(self, *keys):
        self.keys = keys
        self.away = False
        self.looks = 0

    def __call__(self):
        self.looks += 1
        if self.away:
            raise KeysUnreached("away")
        return self.keys


@pytest.fixture
def clock():
    return HandClock()


def test_what_another_process_sealed_with_a_newer_key_is_opened(clock):
    old, new = new_key(), new_key()
    elsewhere = Elsewhere(old)
    seal = Seal([old], elsewhere, clock=clock)
    elsewhere.keys = (new, old)
    assert seal.open(Seal([new]).close("the secret")) == "the secret"
    assert Seal([new]).open(seal.close("mine")) == "mine", "the newer one seals from then on"


def test_what_nothing_opens_is_no_reason_to_ask_without_end(clock):
    elsewhere = Elsewhere(new_key())
    seal, lost = Seal(elsewhere.keys, elsewhere, clock=clock), Seal([new_key()]).close("x")
    for _ in range(3):
        with pytest.raises(SecretUnreadable):
            seal.open(lost)
    assert elsewhere.looks == 1
    clock.move(5)
    with pytest.raises(SecretUnreadable):
        seal.open(lost)
    assert elsewhere.looks == 2


def test_keys_that_are_held_need_nobody(clock):
    key = new_key()
    elsewhere = Elsewhere(key)
    seal = Seal((), elsewhere, lazily=True, clock=clock)
    assert seal.awaits
    sealed = seal.close("the secret")
    assert not seal.awaits
    elsewhere.away = True
    with pytest.raises(KeysUnreached):
        seal.look()
    assert seal.open(sealed) == seal.open(seal.close("the secret")) == "the secret"
    assert not seal.awaits


def test_whether_a_secret_is_good_is_not_known_while_keys_are_away(clock):
    known, newer = new_key(), new_key()
    elsewhere = Elsewhere(newer, known)
    elsewhere.away = True
    seal = Seal([known], elsewhere, clock=clock)
    sealed = Seal([newer]).close("x")
    for _ in range(3):
        with pytest.raises(KeysUnreached, match="away"):
            seal.open(sealed)
    assert elsewhere.looks == 1, "who waits for an answer does not wait for each question"
    elsewhere.away = False
    clock.move(5)
    assert seal.open(sealed) == "x"


def test_keys_that_never_came_are_asked_for_again(clock):
    elsewhere = Elsewhere(new_key())
    elsewhere.away = True
    seal = Seal((), elsewhere, lazily=True, clock=clock)
    for ask in (lambda: seal.close("x"), lambda: seal.open("x"), lambda: seal.has_keys, lambda: seal.keys):
        with pytest.raises(KeysUnreached, match="away"):
            ask()
    assert (seal.awaits, elsewhere.looks) == ("away", 1)
    elsewhere.away = False
    clock.move(5)
    assert seal.open(seal.close("x")) == "x"


@pytest.mark.parametrize("others", [(), ("no key",)])
def test_keys_do_not_go_by_mistake(clock, others):
    key = new_key()
    elsewhere = Elsewhere(key)
    seal = Seal([key], elsewhere, clock=clock)
    elsewhere.keys = others
    with pytest.raises(KeysUnreached):
        seal.look()
    assert seal.keys == (key,)


def test_many_that_need_a_newer_key_at_once_all_have_it(clock):
    old, new = new_key(), new_key()
    sealed, began = Seal([new]).close("x"), threading.Barrier(4)
    seal = Seal([old], lambda: (new, old), clock=clock)

    def ask():
        began.wait(10)
        return seal.open(sealed)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
        assert [each.result() for each in asked] == ["x"] * 4


def test_where_another_thread_looks_it_is_asked_and_waited_for(clock):
    old, new = new_key(), new_key()
    seal = Seal([old], lambda: (new, old), clock=clock)
    seal.tended(lambda: threading.Thread(target=seal.look).start(), 60)
    assert seal.open(Seal([new]).close("x")) == "x"


def test_who_has_other_work_does_not_wait_for_a_manager_that_hangs(clock):
    asked = []
    seal = Seal((), lambda: (), lazily=True, clock=clock)
    seal.tended(lambda: asked.append(None), 0)
    for _ in range(3):
        with pytest.raises(KeysUnreached):
            seal.open("x")
    assert len(asked) == 1
    clock.move(5)
    with pytest.raises(KeysUnreached):
        seal.close("x")
    assert len(asked) == 2


def test_what_was_read_before_a_key_went_is_opened_still(clock):
    old, new = new_key(), new_key()
    elsewhere = Elsewhere(old)
    seal = Seal([old], elsewhere, clock=clock)
    sealed = seal.close("x")
    elsewhere.keys = (new,)
    seal.look()
    elsewhere.away = True
    assert seal.open(sealed) == "x"
    assert Seal([new]).open(seal.close("y")) == "y"
    with pytest.raises(SecretUnreadable):
        Seal([old]).open(seal.close("y"))


def test_keys_that_come_and_go_are_kept_once(clock):
    one, two = new_key(), new_key()
    elsewhere = Elsewhere(one)
    seal = Seal([one], elsewhere, clock=clock)
    ring = Ring((one,))
    for keys in ((two,), (one,), (two, one), (one, two)) * 3:
        elsewhere.keys = keys
        seal.look()
        ring = ring.then(keys)
        assert (ring.keys, ring.gone) == (keys, tuple(key for key in (one, two) if key not in keys))
        assert seal.keys == keys
        assert all(seal.open(Seal([key]).close("x")) == "x" for key in (one, two))


def test_a_key_that_comes_just_after_a_look_is_looked_for(clock):
    old, new = new_key(), new_key()
    elsewhere = Elsewhere(old)
    seal = Seal([old], elsewhere, clock=clock)
    with pytest.raises(SecretUnreadable):
        seal.open(Seal([new_key()]).close("lost"))
    elsewhere.keys = (new, old)
    assert seal.open(Seal([new]).close("x")) == "x"


def test_nothing_is_unreadable_while_a_look_has_not_ended(clock):
    """A look that began before does not count: what it reads may be older than the secret."""
    old, new = new_key(), new_key()
    began, goes_on = threading.Event(), threading.Event()
    found = [(old,), (new, old)]

    def slow():
        began.set()
        assert goes_on.wait(60)
        return found.pop(0)

    seal = Seal([old], slow, clock=clock)
    seal.tended(lambda: None, 0)
    sealed = Seal([new]).close("x")
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(seal.look)
        assert began.wait(60)
        for _ in range(7):
            with pytest.raises(KeysUnreached):
                seal.open(sealed)
            clock.move(1)
        goes_on.set()
        looking.result(60)
    with pytest.raises(KeysUnreached):
        seal.open(sealed)
    seal.look()
    assert seal.open(sealed) == "x"
