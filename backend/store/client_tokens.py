"""Requests that carried a client token: the same request again gets the same answer, another one is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from backend import errors
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.store.tables import client_tokens


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a token: the request it came with, and what that request gave (None while under way)."""

    fingerprint: str
    result: Any
    created_at: datetime


def find(conn: Connection, scope: Scope, token: ClientToken) -> Kept | None:
    row = conn.execute(select(client_tokens).where(_is(scope, token))).one_or_none()
    return None if row is None else Kept(row.fingerprint, row.result["result"], row.created_at)


def add(conn: Connection, scope: Scope, token: ClientToken, result: Any, now: datetime) -> None:
    """Keep a token.

    Raises:
        StaleRead: it was taken by another request a moment ago; ask again what it gave.
    """
    values = {
        "project_id": scope.project_id,
        "region": scope.region,
        "operation": token.operation,
        "token": token.value,
        "fingerprint": token.fingerprint,
        "result": {"result": result},
        "created_at": now,
    }
    try:
        conn.execute(insert(client_tokens).values(values))
    except IntegrityError:
        raise errors.StaleRead(token.value) from None


def servers(conn: Connection, scope: Scope) -> dict[str, str]:
    """Server -> the token it was asked for with."""
    kept = select(client_tokens.c.token, client_tokens.c.result).where(
        client_tokens.c.project_id == scope.project_id,
        client_tokens.c.region == scope.region,
        client_tokens.c.operation == "RunInstances",
    )
    return {
        server: row.token
        for row in conn.execute(kept)
        if isinstance(row.result["result"], list)
        for server in row.result["result"]
    }


def hold(conn: Connection, scope: Scope, token: ClientToken, *, held_at: datetime, now: datetime, result: Any) -> bool:
    """Hold a token on from now, and keep what its request has come to; False where another request holds it by now.

    Args:
        held_at: ``created_at`` as the request that asks took or found it: who holds it knows since when.
    """
    mine = and_(_is(scope, token), client_tokens.c.created_at == held_at)
    values = {"created_at": now, "result": {"result": result}}
    return conn.execute(update(client_tokens).where(mine).values(values)).rowcount == 1


def forget(conn: Connection, scope: Scope, token: ClientToken) -> None:
    """Give a token back: its request was refused and did nothing."""
    conn.execute(delete(client_tokens).where(_is(scope, token)))


def _is(scope: Scope, token: ClientToken) -> ColumnElement[bool]:
    return and_(
        client_tokens.c.project_id == scope.project_id,
        client_tokens.c.region == scope.region,
        client_tokens.c.operation == token.operation,
        client_tokens.c.token == token.value,
    )
