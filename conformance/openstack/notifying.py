"""Nova tells on the running test cloud's bus what happens: its processes are started anew with that switched on.

Usually they are silent: each change of a server would be told several times, and almost nobody listens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from conformance.openstack import configuration, lifecycle
from conformance.openstack import services as every
from conformance.openstack.settings import Settings

NAME = "events"


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[None]:
    """Have Nova tell until the block ends.

    Raises:
        NotUp, NotReady: with the diagnosis.
    """
    try:
        _anew(settings, telling=True)
        yield
    finally:
        _anew(settings, telling=False)


def _anew(settings: Settings, *, telling: bool) -> None:
    nova = [one for one in every.services(settings) if one.name.startswith("nova-")]
    configuration.write(settings, telling=telling)
    lifecycle.stop(settings, nova)
    lifecycle.resume(settings, nova)
