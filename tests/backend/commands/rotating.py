"""A process that keeps and reads secrets without end, as gateways and engines do: ``python -m`` with a name.

It opens the installation of its environment, says with each line which keys it has (digests), and ends in error at the
first secret that it cannot keep or read.
"""

from __future__ import annotations

import hashlib
import random
import sys
from datetime import timedelta
from itertools import count

from backend.clock import SystemClock
from backend.commands import opening
from backend.domain.delegation import Delegation
from backend.domain.profile import LaunchConfiguration, ServerSpec
from backend.domain.scope import Scope
from backend.services.sessions import Owned, SessionRules, Sessions
from backend.store import configurations
from backend.store.delegations import StoredDelegations
from tests.factories import NOW, uuid_of

HERE = Scope("p", "r")
_MOST = 40


def main(name: str) -> None:
    chosen = opening.settings()
    store = opening.store_of(chosen)
    opening.keeper_of(chosen, store).start()
    delegations = StoredDelegations(store, store.seal)
    rng = random.Random(name)
    for number in count():
        if number < _MOST:
            delegations.put(Delegation(f"{name}-{number}", "p", "u", "member", NOW, None, f"{name}-{number}"))
            spec = ServerSpec(user_data=f"{name}-{number}")
            made = LaunchConfiguration(uuid_of(f"{name}{number}"), "p", "r", f"{name}-{number}", spec, {}, NOW)
            store.transact(lambda conn, made=made: configurations.insert(conn, made))
        else:  # what there is comes to an end; what is written does not
            delegations.drop([f"{name}-{number % _MOST}"])
            again = f"{name}-{number % _MOST}"
            delegations.put(Delegation(again, "p", "u", "member", NOW, None, again))
        # Another process reads what this one sealed a moment ago, and nobody remembers anything of it.
        rules = SessionRules(seal=store.seal, lasting=lambda _: Owned("p", "s3cret"))
        opened = Sessions(store, SystemClock(), rules).open(f"AKIA{name}", "p", timedelta(hours=1))
        assert Sessions(store, SystemClock(), rules).find(opened.access_key) == opened
        assert all(each.secret == each.credential_id for each in delegations.of_project("p"))
        with store.read() as conn:
            found = configurations.page(conn, HERE, limit=10, after=f"{rng.choice('abcd')}-{rng.randrange(_MOST)}")
        assert all(each.spec.user_data == each.name for each in found.items)
        print(*(hashlib.sha256(key.encode()).hexdigest()[:12] for key in store.seal.keys), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
