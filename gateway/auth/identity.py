"""Whose requests a gateway answers, and what they may do: what differs from cloud to cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.auth import sigv4
from gateway.auth.credentials import Credentials
from gateway.pipeline import Authorize, Verify, allow_all


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is known.

    Attributes:
        credentials: of lasting keys.
        regions: AWS's name of a region -> the cloud's.
        account_id_of: the 12 digits of a project.
    """

    credentials: Credentials
    regions: Mapping[str, str]
    account_id_of: Callable[[str], str]
    verify: Verify = sigv4.verify
    authorize: Authorize = allow_all
