"""The delegations port: what owners handed over for the engine to act with, kept elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backend.domain.delegation import Delegation


class Delegations(Protocol):
    def of_project(self, project_id: str) -> Sequence[Delegation]:
        """Those of a project with their secrets, the newest first, expired ones too.

        Raises:
            SecretUnreadable: none of the keys at hand opens a secret.
            DelegationsUnanswered: they could not be looked up.
        """


class NoDelegations:
    """Nothing was handed over."""

    def of_project(self, project_id: str) -> Sequence[Delegation]:
        return ()
