"""How a run goes: how often things go wrong, and which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta


@dataclass(frozen=True)
class Mood:
    """How often things go wrong: chances at one hook, each drawn from its tuple.

    Attributes:
        store: chance at one hook of the store that the database is away.
        delays: for how long cloud calls are under way, in seconds: one of these sets for a whole run.
        skews: by how many seconds the clocks of engines, gateway and cloud may be off, either way.
        users, overtakes: how much of what happens in between is theirs.
        builders: how often somebody makes and ends networks and balancers, for each thing that users of clusters do.
        pauses: for how long who is overtaken stands still, in seconds; a lease holds for 60.
        omits: chance that a complete listing lacks a server that there is.
        largest: how many nodes a cluster may have.
        trial: what is tried in the end with the world at rest; anything where None is named.
        steps: for how many steps all of that goes on.
        patience: how long the engine may take to bring all to rest afterwards.
        refreshing: users have nodes replaced.
        rebuilding: they have root disks replaced, too, and refreshes bring mixes.
        hooked: users put lifecycle hooks, and answer some of what these ask.
        heaviest: users put mixes, whose nodes count up to that much; 1: they do not.
        warmed: users put warm pools, and scale more.
        direct: users launch nodes by number, and ask again for what they asked for.
        scaling: they put scaling policies and execute them, and alarms ask these.
        composed: beside each alarm they put a composite one.
        braked: an operator puts brakes on and takes them off.
        batched: users and an operator set sizes of batches.
        coordinated: engines know each other, by the database and by a coordinator that tells them what it likes.
        foreseeing: where they do, they put predictive ones, too, and let some time pass.
        watching: they have alarms stop, end, reboot or recover servers.
        timed: they write schedules, and have their hooks told to targets that fail and recover.
    """

    crash: tuple[float, ...] = (0.0, 0.01, 0.03)
    fault: tuple[float, ...] = (0.0, 0.05, 0.2)
    interfere: tuple[float, ...] = (0.0, 0.03, 0.1)
    users: int = 1
    builders: int = 0
    overtakes: int = 1
    pauses: tuple[float, ...] = (0.0, 1.0, 61.0)
    patience: timedelta = timedelta(hours=3)
    store: tuple[float, ...] = (0.0,)
    delays: tuple[tuple[float, ...], ...] = ((0.0,),)
    skews: tuple[float, ...] = (0.0,)
    omits: tuple[float, ...] = (0.0,)
    largest: int = 8
    trial: str | None = None
    steps: int = 70
    hooked: bool = False
    heaviest: int = 1
    refreshing: bool = False
    rebuilding: bool = False
    warmed: bool = False
    direct: bool = False
    timed: bool = False
    scaling: bool = False
    composed: bool = False
    braked: bool = False
    batched: bool = False
    coordinated: bool = False
    foreseeing: bool = False
    watching: bool = False


NORMAL = Mood()
WILD = Mood((0.02,), (0.1, 0.3), (0.2, 0.4))
MEDDLING = Mood((0.0,), (0.05,), (0.3,), users=1, overtakes=0, steps=35)
SILENT = Mood((0.0,), (0.5,), (0.0,))
OVERTAKEN = Mood((0.0,), (0.05,), (0.1,), users=0, overtakes=1, pauses=(61.0,))
SLOW = Mood(delays=((0.0, 0.2, 1.0, 5.0), (0.0, 0.0, 0.5, 30.0), (0.0, 1.0, 10.0, 70.0)))
STORELESS = Mood(store=(0.005, 0.02))
SKEWED = Mood(skews=(0.5, 3.0))
ALL_AT_ONCE = replace(SLOW, store=(0.0, 0.005), skews=(0.0, 2.0))
OMITTING = Mood(omits=(0.2,), fault=(0.05,))
HOOKED = Mood(hooked=True)
MIXED = Mood(heaviest=3, trial="stays_quiet", steps=50)
REFRESHING = Mood(refreshing=True, largest=6)
REBUILDING = Mood(refreshing=True, rebuilding=True, largest=6, overtakes=0, interfere=(0.0, 0.03))
WARMED = Mood(warmed=True)
WARMED_HOOKED = Mood(warmed=True, hooked=True)
DIRECT = Mood(direct=True)
SCALING = Mood(scaling=True, warmed=True, largest=14, steps=40)
COMPOSED = Mood(scaling=True, composed=True, largest=4, steps=20)
FORESEEING = replace(SCALING, foreseeing=True)
WATCHING = Mood(watching=True, largest=4, steps=40)
TIMED = Mood(hooked=True, timed=True)
BRAKED = Mood(braked=True)
BATCHED = Mood(batched=True, warmed=True, largest=14, steps=40, delays=((0.0,), (0.0, 0.2, 1.0, 5.0)))
COORDINATED = Mood(
    coordinated=True,
    largest=6,
    steps=40,
    pauses=(0.0, 1.0, 5.0, 7.0, 12.0, 61.0),
    delays=((0.0, 0.2, 1.0, 5.0), (0.0, 1.0, 10.0, 20.0)),
)
BUILDING = Mood(builders=3, largest=3, steps=50)
BIG = Mood(largest=40, crash=(0.0, 0.01), fault=(0.02,))
TRIALS = {
    trial: Mood(crash=(0.0,), fault=(0.0,), interfere=(0.0,), trial=trial, steps=30)
    for trial in (
        "stays_quiet",
        "notices_death",
        "does_as_alarms_say",
        "does_what_waits",
        "heeds_at_once",
        "holds_on",
        "moves_house",
        "outlives_outage",
        "gives_up",
        "bears_mass_failure",
        "spares_the_young",
        "avoids_a_full_zone",
        "heeds_its_quota",
        "gives_up_a_hung_boot",
        "bears_the_unseen",
        "finds_lost_answers",
        "takes_in_the_late",
        "outlives_dead_delegation",
        "bears_stopping_images",
        "bears_closed_pools",
        "lives_beside_another",
        "bears_strange_metadata",
        "takes_out_latecomers",
        "forgets_old_failures",
        "heeds_the_last_word",
        "tells_refusals_once",
        "spares_what_was_reclaimed",
        "believes_the_latest",
        "spares_the_detached",
        "heeds_its_pool",
        "shrinks_evenly",
        "spares_the_protected",
        "ends_what_nobody_owns",
        "ends_loose_ports",
        "keeps_to_its_own",
        "asks_again",
        "goes_before_it_is_taken_back",
        "leaves_its_host",
        "leaves_its_host_by_weight",
        "hears_of_an_end",
    )
}
TRIALS["works_in_batches"] = replace(TRIALS["stays_quiet"], trial="works_in_batches", batched=True, steps=15)
TRIALS["outlives_an_engine"] = replace(TRIALS["stays_quiet"], trial="outlives_an_engine", coordinated=True, steps=10)
TRIALS["ends_what_was_built"] = replace(TRIALS["stays_quiet"], trial="ends_what_was_built", builders=1, steps=2)
MOODS = {
    "normal": NORMAL,
    "wild": WILD,
    "meddling": MEDDLING,
    "silent": SILENT,
    "overtaken": OVERTAKEN,
    "slow": SLOW,
    "storeless": STORELESS,
    "skewed": SKEWED,
    "all-at-once": ALL_AT_ONCE,
    "omitting": OMITTING,
    "big": BIG,
    "hooked": HOOKED,
    "mixed": MIXED,
    "refreshing": REFRESHING,
    "rebuilding": REBUILDING,
    "warmed": WARMED,
    "warmed-hooked": WARMED_HOOKED,
    "direct": DIRECT,
    "scaling": SCALING,
    "composed": COMPOSED,
    "foreseeing": FORESEEING,
    "watching": WATCHING,
    "timed": TIMED,
    "building": BUILDING,
    "braked": BRAKED,
    "batched": BATCHED,
    "coordinated": COORDINATED,
}
SOAK = (
    "normal",
    "slow",
    "all-at-once",
    "normal",
    "wild",
    "storeless",
    "normal",
    "omitting",
    "skewed",
    "big",
    "hooked",
    "mixed",
    "refreshing",
    "rebuilding",
    "timed",
    "building",
    "warmed",
    "warmed-hooked",
    "direct",
    "scaling",
    "composed",
    "braked",
    "batched",
    "coordinated",
    "foreseeing",
    "watching",
)
"""What seeds are soaked in, one after the other."""

SEEDS = {
    "normal": 30,
    "wild": 15,
    "slow": 20,
    "all-at-once": 20,
    "storeless": 10,
    "skewed": 10,
    "omitting": 8,
    "big": 6,
    "hooked": 5,
    "mixed": 3,
    "refreshing": 3,
    "rebuilding": 3,
    "warmed": 3,
    "warmed-hooked": 2,
    "direct": 3,
    "scaling": 3,
    "composed": 2,
    "foreseeing": 3,
    "watching": 3,
    "timed": 3,
    "meddling": 5,
    "silent": 10,
    "overtaken": 10,
    "building": 5,
    "braked": 5,
    "batched": 4,
    "coordinated": 3,
}
"""How many seeds of a mood, from 0 on, hold whenever the tests do."""
LONG = {"outlives_outage", "gives_up"}


def played(name: str) -> range:
    """The seeds that the tests play in a mood or a trial."""
    return range(SEEDS.get(name, 1 if name in LONG else 2))
