"""Something of the product replaced for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def put(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Within the block the owner's name is that value."""
    kept = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


@contextlib.contextmanager
def put_all(*values: tuple[Any, str, Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for owner, name, value in values:
            stack.enter_context(put(owner, name, value))
        yield


@contextlib.contextmanager
def add(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Within the block a class has, as its own, what it else has from its parent."""
    setattr(owner, name, value)
    try:
        yield
    finally:
        delattr(owner, name)
