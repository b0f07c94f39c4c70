"""Receivers of alarms of others: made, listed, ended."""

from __future__ import annotations

import argparse
from typing import Final

from backend.clock import Clock, SystemClock
from backend.commands import CannotDo, opening
from backend.commands.line import Command, Rows, Told
from backend.config import BackendSettings
from backend.domain.cluster_findings import ClusterDeleting, ClusterNotFound
from backend.domain.receivers import INSTANCE_LABEL, Receiver, ThresholdMissing, WantedReceiver
from backend.domain.scaling_findings import PolicyNotExecutable, ScalingPolicyNotFound
from backend.domain.scope import Scope
from backend.errors import LimitExceeded
from backend.services.receivers import Receivers
from backend.store import clusters, receivers
from backend.store.scaling_policies import POLICIES
from backend.store.session import Connection, Store

PATH: Final = "/receivers/"


def add(service: Receivers, scope: Scope, wanted: WantedReceiver, endpoint: str) -> str:
    """The address of a new receiver, which is told this once. Raises CannotDo."""
    try:
        receiver, token = service.add(scope, wanted)
    except (ClusterNotFound, ClusterDeleting):
        raise CannotDo(f"project {scope.project_id} has no group {wanted.cluster_name} in {scope.region}") from None
    except ScalingPolicyNotFound:
        raise CannotDo(f"the group has no policy {wanted.policy_name}") from None
    except PolicyNotExecutable as found:
        raise CannotDo(f"a policy of type {found.kind} acts by what is measured alone") from None
    except ThresholdMissing as found:
        words = "has no steps: it takes no --threshold" if found.given else "has steps: it needs --threshold"
        raise CannotDo(f"the policy {found.policy} {words}" if found.policy else "--threshold is of policies") from None
    except LimitExceeded as found:
        raise CannotDo(f"the project has {found.limit} receivers already") from None
    kept = "Keep the address: it is not shown again, and whoever has it may use it."
    return f"{receiver.id}\n{endpoint}{PATH}{token}\n{kept}"


def listed(store: Store) -> Rows:
    """A row for each, by project. Their addresses nobody knows but who was told them."""
    with store.read() as conn:
        return [
            {
                "id": each.id,
                "project": scope.project_id,
                "region": scope.region,
                "group": each.cluster_name,
                "does": _does(conn, scope, each),
                "last_heard": "-" if each.heard_at is None else each.heard_at.isoformat(timespec="seconds"),
                "outcome": each.outcome or "-",
            }
            for scope, each in receivers.everywhere(conn)
        ]


def _does(conn: Connection, scope: Scope, receiver: Receiver) -> str:
    gone = clusters.get_by_id(conn, receiver.cluster_id) is None
    if receiver.policy_id is None:
        does = "replaces" if receiver.drains else "judges"
        return "(its group is gone)" if gone else f"{does} instances by {receiver.label}"
    if gone or POLICIES.one(conn, scope, id=receiver.policy_id) is None:
        return f"(its policy {receiver.policy_name} is gone)"
    return f"executes {receiver.policy_name}"


def remove(store: Store, receiver_id: str) -> str:
    """Raises CannotDo where there is none."""

    def work(conn: Connection) -> int:
        found = [scope for scope, each in receivers.everywhere(conn) if each.id == receiver_id]
        return sum(receivers.RECEIVERS.remove(conn, scope, id=receiver_id) for scope in found)

    if not store.transact(work):
        raise CannotDo(f"there is no receiver {receiver_id}: coppice receivers list tells them")
    return "Removed: its address does nothing any more."


def _service(chosen: BackendSettings, store: Store, clock: Clock) -> Receivers:
    from backend import Backend

    return Backend.build(store, opening.cloud_of(chosen, store), clock).receivers


def _add(asked: argparse.Namespace) -> Told:
    chosen = opening.settings()
    regions = opening.regions_of(chosen)
    region = asked.region or chosen.region
    if region not in regions:
        raise CannotDo(f"{region} is no region that is served here")
    store = opening.ready_store(chosen)
    wanted = WantedReceiver(asked.group, asked.policy, asked.threshold, asked.label, asked.drain)
    scope = Scope(opening.project_of(chosen, asked.project), regions[region])
    return add(_service(chosen, store, SystemClock()), scope, wanted, chosen.messages_endpoint)


def _list(asked: argparse.Namespace) -> Told:
    return listed(opening.ready_store(opening.settings())) or ("There are none." if asked.output == "table" else [])


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", help="id of the project; of the embedded cloud an account, by name or number")
    parser.add_argument("group", help="name of the Auto Scaling group")
    does = parser.add_mutually_exclusive_group(required=True)
    does.add_argument("--policy", help="name of the simple or step policy that is executed")
    does.add_argument("--health", action="store_true", help="instances that alerts name are unhealthy")
    does.add_argument("--drain", action="store_true", help="they are replaced, the new ones first")
    parser.add_argument("--region", help="AWS region of the group (default: that of the settings)")
    parser.add_argument("--threshold", type=float, help="of a step policy: what values are compared with")
    parser.add_argument("--label", default=INSTANCE_LABEL, help="label of alerts that names an instance (%(default)s)")


def _remove_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="of the receiver")


COMMANDS: Final = (
    Command("receivers add", "make an address for alarms of Aodh, Prometheus, Zaqar or Masakari", _add, _add_arguments),
    Command("receivers list", "list receivers, and what they heard last", _list, looks=True),
    Command(
        "receivers remove",
        "end a receiver",
        lambda asked: remove(opening.ready_store(opening.settings()), asked.id),
        _remove_arguments,
    ),
)
