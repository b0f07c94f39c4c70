"""Prefix lists: what a request began with one and did not end, and whether rules still name it."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.prefix_lists import settle
from backend.store.prefix_lists import LEASED

KIND = Kind("prefix_lists", LEASED, lambda settings: settings.groups_at_once, settle, unhurried=True)
