"""What goes wrong: processes that are killed, that stand still, databases that go away or take nothing."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.chaos.installation import LEASE_SECONDS, Gateway, Installation, Part

_LOOKS = 300


@dataclass
class Faults:
    """The hand that does it.

    Attributes:
        done: how often what was done.
        still: engines that stand still, each with what lets it go on: whatever waits meanwhile, for one may have the
            file of the embedded cloud in hand.
    """

    installation: Installation
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)
    still: list[tuple[Part, threading.Timer]] = field(default_factory=list)

    def every(self) -> list[Callable[[], None]]:
        """One of each kind, in an order that the seed tells. Those that last come last, so that others meet them."""
        kinds = [self.engine_killed, self.gateway_killed, self.worker_killed, self.engine_told_to_end]
        kinds += [self.database_crashes, self.database_takes_nothing, self.engines_killed]
        self.rng.shuffle(kinds)
        return [self.engine_stands_still, *kinds]

    def engine_killed(self) -> None:
        self.done["engine killed"] += 1
        self._again(self._engine())

    def engines_killed(self) -> None:
        """Nobody is left to go on for a while."""
        self.done["all engines killed"] += 1
        running = [part for part in self.installation.engines if part not in self._still()]
        for part in running:
            part.kill()
        self._pause(0.5)
        for part in running:
            part.start()

    def engine_told_to_end(self) -> None:
        self.done["engine told to end"] += 1
        part = self._engine()
        part.await_engine()
        status = part.end()
        assert status == 0, f"{part.name} ended with {status}"
        part.start()

    def engine_stands_still(self) -> None:
        """For longer than a lease: it wakes up and believes that it holds what others have by then."""
        self.done["engine stands still"] += 1
        part = self._engine()
        part.signal(signal.SIGSTOP)
        later = threading.Timer(LEASE_SECONDS + 1.5, part.signal, (signal.SIGCONT,))
        later.start()
        self.still.append((part, later))

    def gateway_killed(self) -> None:
        self.done["gateway killed"] += 1
        self._again(self._gateway())

    def worker_killed(self) -> None:
        """The gateway itself starts another. One that has none yet is given the time to."""
        gateway = self._gateway()
        for _ in range(_LOOKS):
            worker = gateway.child()
            if worker is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                    self.done["worker killed"] += 1
                    return
            self._pause(0.1)
        raise AssertionError(f"{gateway.name} has no worker")

    def database_crashes(self) -> None:
        self.done["database crashes"] += 1
        self.installation.database.crash()
        self._pause(self.rng.random())
        self.installation.database.start()

    def database_takes_nothing(self) -> None:
        self.done["database takes nothing"] += 1
        self.installation.database.refuse_writes(refused=True)
        self._pause(2.5)
        self.installation.database.refuse_writes(refused=False)

    def await_all(self) -> None:
        """Until everybody goes on."""
        for _, later in self.still:
            later.join()

    def _still(self) -> list[Part]:
        return [part for part, later in self.still if later.is_alive()]

    def _engine(self) -> Part:
        return self.rng.choice([part for part in self.installation.engines if part not in self._still()])

    def _gateway(self) -> Gateway:
        return self.rng.choice(self.installation.gateways)

    def _again(self, part: Part) -> None:
        part.kill()
        self._pause(self.rng.random())
        part.start()

    @staticmethod
    def _pause(seconds: float) -> None:
        time.sleep(seconds)
