from __future__ import annotations

import pytest

from backend.domain.delegation import SecretUnreadable
from backend.store.secrets import KeyMissing, Seal, new_key


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
