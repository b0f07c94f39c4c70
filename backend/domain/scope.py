"""The tenant and place every query is bound to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scope:
    """A project in a region of the cloud: no read or write reaches beyond it.

    Attributes:
        project_id: the cloud's project id (AWS: the account).
        region: the cloud's region name (not AWS's, where the two differ).
        names: what whoever asks goes by, where a cluster's operator alone may change it; no part of the place.
    """

    project_id: str
    region: str
    names: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
