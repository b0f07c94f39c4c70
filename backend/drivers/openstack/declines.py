"""A refusal that no port has words of its own for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backend.drivers.openstack.refusals import of_any
from backend.drivers.openstack.rest import Declined


@contextmanager
def told() -> Iterator[None]:
    """What a service declines inside is raised as a finding with its own words."""
    try:
        yield
    except Declined as declined:
        raise of_any(declined) from declined
