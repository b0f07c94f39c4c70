"""Rows of key pairs."""

from __future__ import annotations

from typing import Final

from backend.domain.key_pairs import KeptKeyPair
from backend.store.group_tables import key_pairs
from backend.store.records import Records

KEY_PAIRS: Final = Records(key_pairs, KeptKeyPair)
