from __future__ import annotations

import pytest

from backend import errors
from backend.domain.token import ClientToken
from backend.store import client_tokens
from backend.store.session import Store
from tests.factories import NOW, OTHER, SCOPE

TOKEN = ClientToken("RunInstances", "t 1", "f" * 64)


def test_a_token_is_kept_with_what_it_gave(store: Store) -> None:
    store.transact(lambda conn: client_tokens.add(conn, SCOPE, TOKEN, [], NOW))
    with store.read() as conn:
        assert client_tokens.find(conn, SCOPE, TOKEN) == client_tokens.Kept("f" * 64, [], NOW)
        assert client_tokens.find(conn, OTHER, TOKEN) is None
        assert client_tokens.find(conn, SCOPE, ClientToken("Other", "t 1", "x")) is None
    held = {"held_at": NOW, "now": NOW, "result": ["a"]}
    assert store.transact(lambda conn: client_tokens.hold(conn, SCOPE, TOKEN, **held))
    with store.read() as conn:
        kept = client_tokens.find(conn, SCOPE, TOKEN)
    assert kept is not None
    assert kept.result == ["a"]
    store.transact(lambda conn: client_tokens.forget(conn, SCOPE, TOKEN))
    with store.read() as conn:
        assert client_tokens.find(conn, SCOPE, TOKEN) is None


def test_of_two_at_once_one_is_told_to_look_again(store: Store) -> None:
    store.transact(lambda conn: client_tokens.add(conn, SCOPE, TOKEN, 1, NOW))
    with pytest.raises(errors.StaleRead):
        store.transact(lambda conn: client_tokens.add(conn, SCOPE, TOKEN, 2, NOW))
    with store.read() as conn:
        kept = client_tokens.find(conn, SCOPE, TOKEN)
    assert kept is not None
    assert kept.result == 1


def test_servers_tell_the_token_they_were_asked_for_with(store: Store) -> None:
    store.transact(lambda conn: client_tokens.add(conn, SCOPE, TOKEN, ["a", "b"], NOW))
    at_work = ClientToken("RunInstances", "t 2", "f" * 64)
    store.transact(lambda conn: client_tokens.add(conn, SCOPE, at_work, "unclear", NOW))
    other = ClientToken("CreateLaunchTemplate", "t 3", "f" * 64)
    store.transact(lambda conn: client_tokens.add(conn, SCOPE, other, "a template", NOW))
    with store.read() as conn:
        assert client_tokens.servers(conn, SCOPE) == {"a": "t 1", "b": "t 1"}
        assert client_tokens.servers(conn, OTHER) == {}
