"""What holds for every test: none is held to wall time, however slow the machine is."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")
