"""What builders were told of what they made: every read has to show it, until its end was asked for."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from backend.domain.balancers import forwarded
from backend.domain.scope import Scope
from backend.errors import CloudNotReached, Finding, NotPermitted, OutcomeUnclear
from backend.store.balancers import GROUPS, LISTENERS, RULES
from backend.store.networks import STANDING, SUBNETS, VPCS
from tests.simulation.world import World


class Noun(StrEnum):
    """What is built."""

    VPC = "vpc"
    SUBNET = "subnet"
    GROUP = "security group"
    BALANCER = "balancer"
    TARGETS = "target group"
    LISTENER = "listener"


@dataclass
class Built:
    """All that builders of one project were told.

    Attributes:
        here: by noun, ids of what was told as made and of which nobody asked the end, and of each what it is in.
        gone: what was told as ended.
        asked: how many askings for an end are under way, or came to an end that nobody was told.
    """

    world: World
    scope: Scope
    here: dict[Noun, dict[str, str]] = field(default_factory=lambda: {noun: {} for noun in Noun})
    gone: dict[Noun, set[str]] = field(default_factory=lambda: {noun: set() for noun in Noun})
    asked: Counter[str] = field(default_factory=Counter)

    def made(self, noun: Noun, identity: str, within: str = "") -> None:
        """An answer named it. It may have been ended in the meantime by whoever saw it in a list."""
        if identity not in self.gone[noun] and not self.asked[identity]:
            self.here[noun][identity] = within

    def inside(self, noun: Noun, within: str) -> set[str]:
        """What was told as being in something."""
        return {each for each, place in self.here[noun].items() if place == within}

    @contextlib.contextmanager
    def ends(self, noun: Noun, identity: str, inside: Callable[[], set[str]] = set) -> Iterator[None]:
        """The block asks for its end. What is ``inside`` forbids that: it may not be accepted while all of it stays."""
        within = self.here[noun].pop(identity, None)
        hindering = inside()
        self.asked[identity] += 1
        try:
            yield
        except OutcomeUnclear:
            raise
        except Finding:
            self.asked[identity] -= 1
            if within is not None:
                self.made(noun, identity, within)
            raise
        self.gone[noun].add(identity)
        still = hindering & inside()
        if still:
            raise self.world.broke("29 refusals", f"{noun} {identity} may go, with {sorted(still)} in it")

    def compare(self) -> None:
        """Hold what is described against what was told."""
        backend, scope = self.world.backend, self.scope
        shown: dict[Noun, Mapping[str, object]] = {
            Noun.BALANCER: {each.id: each for each in backend.balancers.all(scope)},
            Noun.TARGETS: {each.id: each for each in backend.target_groups.all(scope)},
            Noun.LISTENER: {each.id: each for each in backend.listeners.all(scope)},
        }
        with self.world.store.watch() as conn:
            shown[Noun.VPC] = {each.id: each for each in VPCS.all(conn, scope, state=STANDING)}
            shown[Noun.SUBNET] = {each.id: each for each in SUBNETS.all(conn, scope, state=STANDING)}
        told = self.here[Noun.GROUP]
        if told:
            with contextlib.suppress(CloudNotReached, NotPermitted):
                shown[Noun.GROUP] = {each.id: each for each in backend.security_groups.list(scope, list(told))}
        for noun, here in shown.items():
            self._compare(noun, here)
        self._hold_together()

    def _hold_together(self) -> None:
        """What is refused for the sake of something else never comes to be, in whatever order users ask for it."""
        with self.world.store.watch() as conn:
            vpcs, subnets = ({each.id: each for each in rows.all(conn, self.scope)} for rows in (VPCS, SUBNETS))
            listeners, rules = LISTENERS.all(conn, self.scope), RULES.all(conn, self.scope)
            targets = {each.id: each for each in GROUPS.all(conn, self.scope)}
        standing = [each for each in subnets.values() if each.state in STANDING]
        for each in standing:
            vpc = vpcs.get(each.vpc_id)
            if vpc is None or vpc.state not in STANDING:
                raise self.world.broke("29 refusals", f"subnet {each.id} is told, and its VPC is not")
        places = Counter((each.vpc_id, each.cidr) for each in standing)
        ports = Counter((each.balancer_id, each.port) for each in listeners)
        twice = [key for key, number in (places + ports).items() if number > 1]
        if twice:
            raise self.world.broke("29 refusals", f"{twice} are there twice")
        for part in (*listeners, *rules):
            for group in forwarded(part.actions):
                if group not in targets or targets[group].balancer_id != part.balancer_id:
                    raise self.world.broke("29 refusals", f"{part.id} forwards to {group}, which is not its balancer's")

    def _compare(self, noun: Noun, shown: Mapping[str, object]) -> None:
        for each in self.here[noun]:
            if each not in shown:
                raise self.world.broke("8 accepted is kept", f"{noun} {each} of {self.scope.project_id} is gone")
        revived = self.gone[noun] & set(shown)
        if revived:
            raise self.world.broke("8 accepted is kept", f"{noun} {sorted(revived)} was ended, and is told")
