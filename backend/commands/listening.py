"""The process that listens for events of the cloud: it makes due what engines look at, and asks the cloud nothing."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from collections.abc import Callable, Collection, Sequence
from functools import partial
from types import FrameType

from backend import measures
from backend.clock import Clock, SystemClock
from backend.commands import CannotDo, schema
from backend.commands.line import Command
from backend.commands.opening import regions_of, settings, store_of, this_process
from backend.config import BackendSettings
from backend.drivers.messaging import Unusable
from backend.drivers.openstack import bus
from backend.drivers.openstack.bus import BusSettings
from backend.drivers.optional import NoLibrary
from backend.engine.bell import Bell
from backend.engine.inbox import Inbox
from backend.store.events import ListenerRecord

LOG = logging.getLogger(__name__)


def buses(chosen: BackendSettings, regions: Collection[str]) -> Sequence[BusSettings]:
    """The buses of the settings. Raises CannotDo.

    Args:
        regions: that are served, by the cloud's names.
    """
    events = chosen.events
    if chosen.driver != "openstack":
        raise CannotDo("the embedded cloud has no bus: its engine sees at once what happens there")
    if not events.urls:
        raise CannotDo("[events] urls is not set: it says where the cloud's services tell what happens")
    known = sorted(set(regions))
    found = []
    for named, url in events.urls.items():
        if not named and len(known) > 1:
            raise CannotDo(f"[events] urls has to say of which region each is: {', '.join(known)}")
        region = named or known[0]
        if region not in known:
            raise CannotDo(f"[events] urls names {region}, and these are served: {', '.join(known)}")
        found.append(BusSettings(region, url, events.topics, events.pool))
    return found


class _Stop:
    """Whether the process was told to end, or cannot go on; and its status then."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._told = False
        self.status = 0

    def is_set(self) -> bool:
        return self._told

    def heed(self) -> None:
        """From now on: SIGTERM and SIGINT end it. SIGHUP, by which others read their settings again, does nothing."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def give_up(self) -> None:
        """End, with a status that says that it was no wish; for any thread."""
        self.status = 1
        self._told = True
        self._bell.ring()

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if self._told:
            os._exit(128 + number)
        self._told = True
        self._bell.ring()


def _listen(set_level: Callable[[str], None], _asked: argparse.Namespace) -> None:
    chosen, clock, bell = settings(), SystemClock(), Bell()
    set_level(chosen.log_level)
    wanted = buses(chosen, regions_of(chosen).values())
    store = store_of(chosen)
    schema.wait(store, clock)
    stop = _Stop(bell)
    stop.heed()
    if chosen.events.metrics_port:
        measures.serve(chosen.events.metrics_port, chosen.metrics_host)
    inbox = Inbox(store, clock, _record(clock), bell=bell, measures=measures.shared())
    try:
        bus.listen(wanted, lambda region: partial(inbox.put, region), stop.give_up, clock)
    except (NoLibrary, Unusable) as why:
        raise CannotDo(str(why)) from why
    LOG.info("events are listened for in %s", ", ".join(each.region for each in wanted))
    ending = schema.Ending(stop.is_set, schema.Watched(store, clock))
    inbox.run(ending)
    LOG.info("the listener has ended")
    logging.shutdown()
    os._exit(stop.status or ending.status)  # a thread that waits for its broker would hold the process up


def _record(clock: Clock) -> ListenerRecord:
    now = clock.now()
    return ListenerRecord(*this_process(), now, now)


def command(set_level: Callable[[str], None]) -> Command:
    """The command.

    Args:
        set_level: lets what is logged begin at a level, by its name.
    """
    return Command(
        "listen",
        "hear on the cloud's message bus what happens, so that engines look at once",
        partial(_listen, set_level),
        cannot="The listener cannot start",
        serves=True,
    )
