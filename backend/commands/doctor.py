"""What is wrong with an installation, and what to do about it: one row for each thing that was looked at.

It changes nothing, and asks the cloud as an engine would: in projects that have groups.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from backend.clock import Clock
from backend.commands import CannotDo, orphans
from backend.commands.engine_list import state_of
from backend.commands.line import Rows, Troubles
from backend.domain.scope import Scope
from backend.drivers.brokers import Broker
from backend.drivers.cloud import Cloud
from backend.drivers.errors import CloudError, NotAuthorized
from backend.engine.inbox import SILENCE
from backend.engine.kinds import KINDS
from backend.engine.settings import EngineSettings
from backend.errors import KeysUnreached, StoreUnavailable
from backend.policies.sweep import SweepRule
from backend.store import brakes, engines, events, failures, migrate, outbox, overview, sealed, watches
from backend.store.away import SAYS_NO, takes_no_writes
from backend.store.leased import Kinds
from backend.store.sealed import How
from backend.store.session import Store

_SOME: Final = 5
_MOST: Final = 1000
_SKEWED: Final = timedelta(seconds=1)
_CLOUD_SKEWED: Final = timedelta(seconds=5)
_LATE: Final = timedelta(seconds=60)
_QUIET: Final = timedelta(hours=1)
"""A cloud on which nothing at all happens for so long tells nobody of it, most likely."""
OK, WARNING, FAULT = "ok", "warning", "FAULT"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one thing.

    Attributes:
        state: ``ok``, ``warning`` or ``FAULT``.
        todo: what to do about it; empty where nothing is.
    """

    check: str
    state: str
    found: str
    todo: str = ""

    def row(self) -> Mapping[str, Any]:
        return {"check": self.check, "state": self.state, "found": self.found, "todo": self.todo}


@dataclass(frozen=True, slots=True)
class Ward:
    """What is examined.

    Attributes:
        log_in: logs the service user in, and answers who that is; None: the cloud is on this machine.
        open_cloud: the cloud; raises CannotDo.
        listens: the settings name a bus on which events of the cloud are heard.
        cloud_time: the clock of who makes the cloud's tokens, to the second; None where it tells none; raises CannotDo.
        read_keys: reads a key as gateways do for each caller; raises CannotDo.
        members: names of the engines that a coordinator tells; None: there is none; raises CannotDo.
        buses: what became of a word to the brokers of each bus, by what it is called.
        misnamed: settings that nobody reads.
        files: those that processes write lines to, by the settings that name them.
    """

    store: Store
    clock: Clock
    settings: EngineSettings
    open_cloud: Callable[[], Cloud]
    log_in: Callable[[], str] | None = None
    listens: bool = False
    cloud_time: Callable[[], datetime | None] | None = None
    read_keys: Callable[[], None] | None = None
    members: Callable[[], Collection[str]] | None = None
    buses: Mapping[str, Callable[[], Sequence[Broker]]] = field(default_factory=dict)
    misnamed: Sequence[str] = ()
    files: Mapping[str, Path] = field(default_factory=dict)


def examined(ward: Ward) -> Rows:
    """Everything that was looked at; Troubles where some of it is a fault."""
    found = list(_checks(ward))
    rows = [each.row() for each in found]
    return Troubles(rows) if any(each.state == FAULT for each in found) else rows


def _checks(ward: Ward) -> Iterator[Checked]:
    yield _settings(ward.misnamed)
    for setting, file in ward.files.items():
        yield _lines(setting, file)
    try:
        began = ward.clock.monotonic()
        present, reason = migrate.stands_at(ward.store), migrate.refusal(ward.store)
        took = ward.clock.monotonic() - began
    except SAYS_NO as error:
        words = error.detail if isinstance(error, StoreUnavailable) else failures.words(error)
        todo = "start it, or correct [database] url, or what its user may do there"
        yield Checked("database", FAULT, words[:200], todo)
        return
    answers = f"{ward.store.dialect}, answers in {took * 1000:.0f} ms"
    if reason is not None:
        yield Checked("database", OK, answers)
        todo = "run the newer Coppice here, too" if migrate.is_beyond(present, migrate.head()) else "coppice migrate"
        yield Checked("schema", FAULT, reason, todo)
        return
    yield _written(ward.store, answers)
    yield _schema(present)
    yield _skew(ward)
    yield _secrets(ward.store)
    yield _engines(ward)
    if ward.members is not None:
        yield _coordinator(ward, ward.members)
    yield _work(ward)
    for name, ask in ward.buses.items():
        yield _bus(name, ask())
    if ward.listens:
        yield _events(ward)
    yield from _held(ward)
    yield from _cloud(ward)


def _settings(misnamed: Sequence[str]) -> Checked:
    if not misnamed:
        return Checked("settings", OK, "each is known by its name")
    return Checked("settings", WARNING, told_of(misnamed), "correct the names: docs/configuration.md tells them")


def _lines(setting: str, file: Path) -> Checked:
    """Whether lines can be written there. None is, for whoever reads them would take it for an event."""
    try:
        why = _unwritable(file)
    except OSError as error:
        why = f"{file}: {error.strerror}"
    todo = "correct it, or what the user of gateways and engines may do there: what is to be told is lost or waits"
    return Checked(setting, FAULT, why, todo) if why else Checked(setting, OK, f"{file} can be written")


def _unwritable(file: Path) -> str:
    """What keeps this process's user from writing to the end of a file, or to begin it; empty where nothing does."""
    folder = file.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if file.is_dir():
        return f"{file} is a folder"
    place = file if file.exists() else folder
    if not os.access(place, os.W_OK if place is file else os.W_OK | os.X_OK):
        return f"{place} may not be written by who asks this"
    regular = place is folder or file.is_file()
    room = os.statvfs(folder)
    return f"there is no room in {folder}" if regular and room.f_blocks and not room.f_bavail else ""


def told_of(misnamed: Sequence[str]) -> str:
    """That nobody reads these settings."""
    return f"nobody reads {', '.join(misnamed[:_SOME])}{' ...' if len(misnamed) > _SOME else ''}"


def _written(store: Store, answers: str) -> Checked:
    refusal = takes_no_writes(store)
    if refusal is None:
        return Checked("database", OK, answers)
    todo = "see which server takes writes now, that [database] url leads there, and what its user may do"
    return Checked("database", FAULT, f"{answers}, and takes no writes: {refusal[:200]}", todo)


def _schema(present: str | None) -> Checked:
    known = migrate.head()
    newer = f", newer than this Coppice, which knows {known}" if migrate.is_beyond(present, known) else ""
    return Checked("schema", OK, f"revision {present or known}{newer}")


def _secrets(store: Store) -> Checked:
    """Whether the keys are there, and what lies sealed with which of them."""
    name = "secrets"
    try:
        store.seal.look()
        found = sum((sealed.census(store, place, store.seal) for place in sealed.PLACES.values()), start=Counter[How]())
        keys = store.seal.keys
    except KeysUnreached as error:
        todo = "see that the key manager answers, and [secrets]: what runs goes on with the keys it has"
        return Checked(name, FAULT, str(error), todo)
    if not keys and found[How.LOST]:
        told = f"no key is set, and {found[How.LOST]} lie sealed"
        return Checked(name, FAULT, told, "put the keys of before into [secrets], or the key file where it was")
    if not keys:
        return Checked(name, OK, "no key is set: what is secret is not taken (coppice key makes one)")
    told = f"{found[How.FIRST]} sealed with the first of {len(keys)} keys"
    if found[How.LOST]:
        words = f"{told}, {found[How.LOST]} with none that is there"
        return Checked(name, FAULT, words, "put the keys of before into [secrets] again, behind the first")
    if found[How.OLDER]:
        return Checked(name, WARNING, f"{told}, {found[How.OLDER]} with older ones", "coppice reseal")
    if found[How.CLEAR] and store.guard.closes:
        return Checked(name, WARNING, f"{told}, {found[How.CLEAR]} not sealed yet", "coppice reseal")
    return Checked(name, OK, told)


def _skew(ward: Ward) -> Checked:
    """Leases are judged by the database's clock, and what is due by those of gateways and engines."""
    with ward.store.read() as conn:
        apart = abs(ward.store.lease_now(conn) - ward.clock.now())
    told = f"{apart.total_seconds():.3f} s between this machine and the database"
    return Checked("clocks", WARNING, told, "run NTP on both") if apart > _SKEWED else Checked("clocks", OK, told)


def _engines(ward: Ward) -> Checked:
    with ward.store.read() as conn:
        now, found = ward.store.lease_now(conn), engines.all_of_them(conn, _MOST)
    present = migrate.stands_at(ward.store)
    states = [state_of(each, now, present) for each in found]
    told = f"{states.count('works')} at work, {states.count('draining')} draining, {states.count('silent')} silent"
    if "outdated" in states:
        told += f", {states.count('outdated')} outdated by the schema"
    if "works" not in states:
        return Checked("engines", FAULT, told, "coppice engine, on any host: nothing is launched or ended without one")
    if "silent" in states:
        return Checked("engines", WARNING, told, "coppice engines tells which: look at its log; its work is taken over")
    if len({each.version for each in found}) > 1:
        return Checked("engines", WARNING, f"{told}, of several versions", "end the upgrade: restart the older ones")
    return Checked("engines", OK, told)


def _coordinator(ward: Ward, members: Callable[[], Collection[str]]) -> Checked:
    """Engines go by the database where it does not tell, so nothing of it is a fault."""
    check = "coordinator"
    try:
        named = frozenset(members())
    except CannotDo as why:
        return Checked(check, WARNING, str(why), "see that it answers; until then engines go by the database alone")
    with ward.store.read() as conn:
        now, found = ward.store.lease_now(conn), engines.all_of_them(conn, _MOST)
    working = {each.name for each in found if state_of(each, now) == "works"}
    missed = sorted(working - named)
    told = f"knows {len(working & named)} of {len(working)} engines at work"
    if missed:
        todo = f"see in the log of {missed[0]} why, and that [engine] coordinator is the same everywhere"
        return Checked(check, WARNING, told, todo)
    return Checked(check, OK, told)


def _bus(name: str, found: Sequence[Broker]) -> Checked:
    """Nothing rests on a bus: what comes by it is a hint, and what goes there waits."""
    broken = [each for each in found if each.fault]
    if not found:
        return Checked(name, OK, "not looked at: its URL names no host")
    if broken:
        told = ", ".join(f"{each.place}: {each.fault}" for each in broken[:_SOME])
        left = f"{len(found) - len(broken)} of {len(found)} brokers answer; {told}"
        return Checked(name, WARNING, left, "start it, or correct its URL; services that notify may hang on it as well")
    return Checked(name, OK, f"{len(found)} of {len(found)} brokers answer; who is let in their logs tell")


def _work(ward: Ward) -> Checked:
    """What is due for long and not done: engines are too few, or something holds them up."""
    now = ward.clock.now()
    with ward.store.read() as conn:
        oldest = Kinds({kind.name: kind.leased for kind in KINDS}).oldest(conn)
    late = {name: now - at for name, at in oldest.items() if at is not None and now - at > _LATE}
    if not late:
        return Checked("work", OK, "nothing is long due")
    told = ", ".join(f"{name} for {int(late[name].total_seconds())} s" for name in sorted(late))
    return Checked("work", WARNING, f"due and not done: {told}", "start more engines, or see in their logs what fails")


def _events(ward: Ward) -> Checked:
    """Nothing rests on events: without them what happens behind Coppice's back is seen some seconds later."""
    with ward.store.read() as conn:
        now, found = ward.store.lease_now(conn), events.listeners(conn)
    living = [each for each in found if each.seen_at > now - SILENCE]
    if not living:
        return Checked("events", WARNING, "nobody listens on the cloud's bus", "coppice listen, on any host")
    heard_at = max((each.heard_at for each in living if each.heard_at is not None), default=None)
    told = f"{len(living)} listening"
    if heard_at is None or now - heard_at > _QUIET:
        words = "nothing was heard yet" if heard_at is None else f"the last was heard {now - heard_at} ago"
        todo = "see that the services notify (docs/openstack.md), and the listener's log for its broker"
        return Checked("events", WARNING, f"{told}, {words}", todo)
    return Checked("events", OK, f"{told}, the last was heard {(now - heard_at).total_seconds():.0f} s ago")


def _held(ward: Ward) -> Iterator[Checked]:
    """What waits for an operator's word."""
    with ward.store.read() as conn:
        on, refusing = brakes.everywhere(conn, _MOST), watches.refusing(conn)
        dead = len(outbox.dead(conn, _MOST))
    for brake in on[:_SOME]:
        yield Checked("brake", WARNING, brake.told(), brake.lifted_by())
    if not on:
        yield Checked("brake", OK, "none is on")
    if refusing:
        named = ", ".join(f"{scope.project_id}/{scope.region}" for scope in refusing[:_SOME])
        told = f"{len(refusing)} projects let the engine do nothing: {named}"
        yield Checked("delegations", WARNING, told, "the owner runs coppice grant, or give the service user its role")
    else:
        yield Checked("delegations", OK, "no project refuses the engine")
    held = _resting(ward.store, ward.clock.now(), ward.settings.sweeping)
    yield Checked("orphans", WARNING, held, "coppice orphans") if held else Checked("orphans", OK, "none is held")
    if dead:
        told = f"{dead}{' or more' if dead == _MOST else ''} messages were given up"
        yield Checked("messages", WARNING, told, "coppice messages list, then resend or drop")
    else:
        yield Checked("messages", OK, "none was given up")


def _resting(store: Store, now: datetime, rule: SweepRule) -> str:
    held = [each for each in orphans.found(store, now, rule) if each["held"]]
    projects = {each["project"] for each in held}
    return f"{sum(each['held'] for each in held)} are held, of {len(projects)} projects" if held else ""


def _cloud(ward: Ward) -> Iterator[Checked]:
    if ward.log_in is not None:
        try:
            yield Checked("keystone", OK, f"service user {ward.log_in()}")
        except CannotDo as why:
            yield Checked(
                "keystone", FAULT, str(why), "see clouds.yaml and [openstack] cloud: nothing works without it"
            )
            return
    if ward.read_keys is not None:
        yield _keys(ward.read_keys)
    if ward.cloud_time is not None:
        yield _cloud_skew(ward, ward.cloud_time)
    try:
        cloud = ward.open_cloud()
    except CannotDo as why:
        yield Checked("cloud", FAULT, str(why), "correct the settings")
        return
    with ward.store.read() as conn:
        asked = overview.projects(conn, _SOME)
    if not asked:
        yield Checked("cloud", OK, "not asked: no project has a group")
    for scope in asked:
        answers = [*_services(cloud, scope)]
        yield from answers
        if answers[0].state == OK:  # who tells what a project may have
            yield _quotas(cloud, scope)


def _keys(read: Callable[[], None]) -> Checked:
    """Without that no caller is known."""
    try:
        read()
    except CannotDo as why:
        todo = "the service user needs the role reader on the system, or see [openstack] identity_scope and verify"
        return Checked("access keys", FAULT, str(why), todo)
    return Checked("access keys", OK, "the service user may ask for them")


def _cloud_skew(ward: Ward, cloud_time: Callable[[], datetime | None]) -> Checked:
    """Tokens end by the cloud's clock, and what changed since the last listing is asked for by it."""
    check, before = "clock of keystone", ward.clock.now()
    try:
        told_at = cloud_time()
    except CannotDo as why:
        return Checked(check, WARNING, str(why), "see that Keystone answers without a login, too")
    if told_at is None:
        return Checked(check, OK, "not told: its answers have no date")
    # It told the time at some instant between the question and the answer.
    apart = max(told_at - ward.clock.now(), before - told_at, timedelta(0))
    if apart > _CLOUD_SKEWED:
        told = f"{apart.total_seconds():.0f} s between this machine and Keystone"
        return Checked(check, WARNING, told, "run NTP on both: tokens are refused, and changes are seen late")
    return Checked(check, OK, "no more than some seconds between this machine and Keystone")


def _services(cloud: Cloud, scope: Scope) -> Iterator[Checked]:
    """Whether the services answer in a project, and let the engine look."""
    services: Sequence[tuple[str, Callable[[Scope], Sequence[Any]]]] = (
        ("nova", cloud.compute.flavors),
        ("neutron", cloud.network.networks),
        ("octavia", cloud.balancing.pools),
    )
    for name, ask in services:
        check = f"{name} {scope.region}"
        try:
            number = len(ask(scope))
        except NotAuthorized as error:
            yield Checked(
                check, WARNING, f"project {scope.project_id}: {error}", "coppice grant, by the project's owner"
            )
        except CloudError as error:
            yield Checked(check, FAULT, f"project {scope.project_id}: {error}", "see that its API answers")
        else:
            yield Checked(check, OK, f"answers for project {scope.project_id}: {number}")


def _quotas(cloud: Cloud, scope: Scope) -> Checked:
    """Whether the cloud lets the project have one more server: groups that grow are refused otherwise, and told."""
    check = f"quotas {scope.region}"
    try:
        found = cloud.compute.quotas(scope)
    except CloudError as error:
        return Checked(check, WARNING, f"project {scope.project_id}: {error}", "see why its quotas are not told")
    used = ", ".join(f"{each.used} of {each.limit} {each.resource}" for each in found) or "no bounds"
    told = f"project {scope.project_id}: {used}"
    full = [each.resource for each in found if each.left <= 0]
    if full:
        todo = (
            f"raise its quota of {', '.join(full)} at the cloud: its groups can neither grow nor launch before they end"
        )
        return Checked(check, WARNING, told, todo)
    return Checked(check, OK, told)
