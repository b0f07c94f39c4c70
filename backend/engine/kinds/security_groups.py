"""Security groups: what a request began with one and did not end, and now and then whether the cloud agrees."""

from __future__ import annotations

from backend.engine.kinds.kind import Kind
from backend.engine.security_groups import settle
from backend.store.security_groups import LEASED

KIND = Kind("security_groups", LEASED, lambda settings: settings.groups_at_once, settle, unhurried=True)
