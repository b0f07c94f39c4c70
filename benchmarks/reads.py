"""What reads of networks ask of an OpenStack cloud, however many things there are: ``-m benchmarks.reads FOLDER``.

The rows are written straight into a store, and the cloud is one that counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backend import Backend
from backend.clock import SystemClock
from backend.domain.scope import Scope
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.openstack.settings import OpenStackSettings
from backend.store import migrate
from backend.store.session import Store
from benchmarks import network_rows
from benchmarks.still import REGION, Still, clouds_file, still
from benchmarks.table import Table

CALLS = 20
Read = Callable[[Backend, Scope], Sequence[object]]
_READS: Mapping[str, Read] = {
    "DescribeSecurityGroups": lambda backend, scope: backend.security_groups.list(scope),
    "DescribeSubnets": lambda backend, scope: backend.networks.seen.subnets(scope),
    "DescribeVpcs": lambda backend, scope: backend.networks.seen.vpcs(scope),
    "DescribeRouteTables": lambda backend, scope: backend.networks.seen.route_tables(scope),
}
"""What the operations of these names read."""


def main(folder: Path) -> int:
    table = asked(folder)
    print(f"Requests to an OpenStack cloud for a read by one who asks again and again\n\n{table}\n", flush=True)
    return 1 if table.missed else 0


def asked(folder: Path) -> Table:
    """Requests to an OpenStack cloud of the first read and of those that follow: none is made for each thing."""
    table = Table("read", "things", "of the first", "of a further one", f"mean of {CALLS}", "aim", "")
    scope = Scope(uuid4().hex, REGION)
    database = f"sqlite:///{folder}/asked.db"
    migrate.upgrade(database)
    store = Store(database, SystemClock(), durable=False)
    network_rows.write(store, scope)
    with still((), ("az1",)) as cloud:
        settings = OpenStackSettings(cloud="coppice", clouds_file=str(clouds_file(folder, cloud.url)))
        for name, read in _READS.items():
            # A process of its own for each: it has logged in, and listed nothing yet.
            driver = open_cloud(settings, SystemClock())
            driver.network.networks(Scope(uuid4().hex, REGION))
            backend = Backend.build(store, driver, SystemClock())
            counts = [_asked(cloud, backend, scope, read) for _ in range(CALLS)]
            further, things = max(count for count, _ in counts[1:]), counts[0][1]
            average = sum(count for count, _ in counts) / CALLS
            table.add(name, f"{things:,}", str(counts[0][0]), str(further), f"{average:.2f}", "<= 1", met=average <= 1)
    store.close()
    return table


def _asked(cloud: Still, backend: Backend, scope: Scope, read: Read) -> tuple[int, int]:
    """How many requests the cloud got for one read, and how many things were read."""
    before = len(cloud.asked)
    things = read(backend, scope)
    return len(cloud.asked) - before, len(things)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
