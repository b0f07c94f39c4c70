"""Nova tells on the running test cloud's bus what happens: its processes are started anew with that switched on.

Usually they are silent: each change of a server would be told several times, and almost nobody listens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from conformance.openstack import lifecycle
from conformance.openstack import services as every
from conformance.openstack.settings import Settings

NAME = "events"
_TELL = {"OS_OSLO_MESSAGING_NOTIFICATIONS__DRIVER": "messagingv2"}
"""Of oslo.config: what the environment says goes before files."""


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[None]:
    """Have Nova tell until the block ends.

    Raises:
        NotUp, NotReady: with the diagnosis.
    """
    usual = [one for one in every.services(settings) if one.name.startswith("nova-")]
    telling = [replace(one, environment={**one.environment, **_TELL}) for one in usual]
    try:
        lifecycle.stop(settings, usual)
        lifecycle.resume(settings, telling)
        yield
    finally:
        lifecycle.stop(settings, telling)
        lifecycle.resume(settings, usual)
