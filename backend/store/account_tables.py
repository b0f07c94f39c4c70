"""Tables of what a project decides once for all its clusters of a region."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer

from backend.store.table import WORD, table

account_settings = table(
    "account_settings",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    Column("name", WORD, primary_key=True),
    Column("enabled", Boolean, nullable=False),
)

# How much a project may have, by the operator's word for it; project_id is empty for what holds for all others.
quotas = table(
    "quotas",
    Column("project_id", WORD, primary_key=True),
    Column("name", WORD, primary_key=True),
    Column("most", Integer, nullable=False),
)

# What those write who count what a project has of something, so that they do so one after another: store/counting.py.
# There are as many rows of a project as there are limits of something that it ever made.
limit_holds = table(
    "limit_holds",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    Column("name", WORD, primary_key=True),
    Column("times", BigInteger, nullable=False),
)
