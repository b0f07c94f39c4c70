"""Groups follow what others measure: Gnocchi's measures, alarms of Aodh and of Prometheus Alertmanager: ``make metrics``.

Measures are pushed into Gnocchi as Ceilometer does it: nanoseconds that a server was busy for, told once a minute.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest
from botocore.exceptions import BotoCoreError

from conformance.clients import client
from conformance.fleet import Fleet, unique
from conformance.openstack import installation
from conformance.openstack.cloud import state_folder
from conformance.openstack.settings import settle
from conformance.openstack_lane.operator import Operator
from conformance.product import PATIENCE, Access, Product, until
from conformance.receivers import alertmanager, receiver

MINUTE = timedelta(minutes=1)
PROCESSORS = 2
"""Of a t3.micro."""
FULL = 60e9 * PROCESSORS
"""Nanoseconds of a minute in which all of them were busy."""
POLICY = "a-minute"
TARGET = 50.0
MOST_FAULTS = 5
"""Minutes that may be missed: there is no data of them."""


def minutes(number: float) -> float:
    """Seconds as ``until`` takes them, for what takes time by the clock and not by the machine."""
    return number * 60 / PATIENCE


class Ceilometer:
    """Puts into Gnocchi what servers do, in the place of the agent that would measure it."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._ask("POST", "/archive_policy", _POLICY, known=409)
        self._ask("POST", "/resource_type", {"name": "instance", "attributes": {}}, known=409)

    def add(self, server: str) -> None:
        """A resource for a server of the project, with its metric."""
        named = {
            "id": server,
            "project_id": self._operator.project,
            "metrics": {"cpu": {"archive_policy_name": POLICY}},
        }
        self._ask("POST", "/resource/instance", named, known=409)

    def tell(self, server: str, points: list[tuple[datetime, float]]) -> None:
        """Nanoseconds that a server has been busy for, at several times."""
        told = [{"timestamp": at.isoformat(), "value": value} for at, value in points]
        self._ask("POST", f"/resource/instance/{server}/metric/cpu/measures", told)

    def _ask(self, method: str, path: str, body: Any, known: int = 0) -> None:
        answer = self._operator.admin.session.request(
            f"/v1{path}", method, json=body, endpoint_filter={"service_type": "metric"}, raise_exc=False
        )
        assert answer.ok or answer.status_code == known, f"{answer.status_code} {answer.text}"


_POLICY = {
    "name": POLICY,
    "back_window": 0,
    "aggregation_methods": ["mean", "rate:mean"],
    "definition": [{"granularity": "60s", "timespan": "1 day"}],
}


@dataclass
class Load:
    """A load that the servers of a group share, measured once a minute until the block ends.

    Attributes:
        per_cent: of a server's processors, of all servers together; none does more than a hundred.
        busy: nanoseconds of each server so far.
    """

    operator: Operator
    group: str
    per_cent: float
    ceilometer: Ceilometer
    busy: dict[str, float] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _run(self) -> None:
        at = datetime.now(UTC).replace(second=0, microsecond=0)
        # The first ones have been there for a while.
        for back in range(7, -1, -1):
            self._measure(at - back * MINUTE)
        while not self._over.wait(max(0.0, (at + MINUTE - datetime.now(UTC)).total_seconds())):
            at += MINUTE
            try:
                self._measure(at)
            except Exception as fault:  # noqa: BLE001 - told by the test that waits
                self.faults.append(fault)

    def _measure(self, at: datetime) -> None:
        servers = [server.id for server in self.operator.servers(self.group) if server.status == "ACTIVE"]
        for server in servers:
            if server not in self.busy:
                self.ceilometer.add(server)
            share = min(self.per_cent / len(servers), 100.0)
            self.busy[server] = self.busy.get(server, 1e12) + share / 100 * FULL
            self.ceilometer.tell(server, [(at, self.busy[server])])


@pytest.fixture(scope="module")
def ceilometer(operator: Operator) -> Ceilometer:
    return Ceilometer(operator)


@pytest.fixture(scope="module")
def cloudwatch(server: Access) -> Any:
    return client(server, "cloudwatch")


def test_gnocchis_measures_drive_groups_out_and_in(
    fleet: Fleet, operator: Operator, ceilometer: Ceilometer, cloudwatch: Any
) -> None:
    """One group has more to do than it can, another has next to nothing: the former has what it needs, and stays."""
    busy, idle = fleet.create(1, 1, 5), fleet.create(3, 1, 5)
    for name in (busy, idle):
        track(fleet, name)
    began = datetime.now(UTC)

    def comes_to(name: str, number: int, within: float) -> None:
        def check() -> bool:
            assert max(len(each.faults) for each in loads) < MOST_FAULTS, [each.faults for each in loads]
            with contextlib.suppress(BotoCoreError):  # a machine that does much else
                return bool(fleet.group(name)["DesiredCapacity"] == number)
            return False

        until(f"{number} nodes of {name} are desired", check, minutes(within), pause=2)
        fleet.settle(name, number)

    loads = [Load(operator, busy, 150.0, ceilometer), Load(operator, idle, 30.0, ceilometer)]
    with loads[0], loads[1]:
        comes_to(busy, 3, within=25)
        comes_to(idle, 1, within=25)

    assert (len(operator.servers(busy)), len(operator.servers(idle))) == (3, 1)
    out, back = changes(fleet, busy), changes(fleet, idle)
    assert len(out) == 2  # each launched one, and nothing more for as long as the other group had too little to do
    assert all("AlarmHigh" in cause for cause in out), out
    assert "from 1 to 2" in out[1]
    assert "from 2 to 3" in out[0]
    assert len(back) == 2
    assert all("AlarmLow" in cause and "from 3 to 1" in cause for cause in back), back
    assert measured(cloudwatch, busy, began) >= {(100, 1), (75, 2), (50, 3)}
    assert measured(cloudwatch, idle, began) >= {(10, 3)}


def track(fleet: Fleet, name: str) -> None:
    """A policy that has the group's processors half busy."""
    fleet.autoscaling.put_scaling_policy(
        AutoScalingGroupName=name,
        PolicyName="half-busy",
        PolicyType="TargetTrackingScaling",
        EstimatedInstanceWarmup=60,
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": TARGET,
        },
    )


def changes(fleet: Fleet, name: str) -> list[str]:
    """Why instances came and went for that policy, the newest first."""
    return [one["Cause"] for one in fleet.activities(name) if "half-busy" in one["Cause"]]


def measured(cloudwatch: Any, name: str, began: datetime) -> set[tuple[int, int]]:
    """The group's CPU as CloudWatch tells it: per cent, and of how many instances."""
    told = cloudwatch.get_metric_statistics(
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Dimensions=[{"Name": "AutoScalingGroupName", "Value": name}],
        StartTime=began - timedelta(minutes=5),
        EndTime=datetime.now(UTC),
        Period=60,
        Statistics=["Average", "SampleCount"],
    )["Datapoints"]
    return {(round(each["Average"]), round(each["SampleCount"])) for each in told}


def test_an_alarm_of_aodhs_executes_a_policy(
    fleet: Fleet, operator: Operator, ceilometer: Ceilometer, product: Product
) -> None:
    name = fleet.create(1, 1, 5)
    steps(fleet, name, threshold_to_next=60e9)
    token = receiver(product, operator.project, name, "--policy", "steps", "--threshold", "30e9")
    (server,) = [each.id for each in operator.servers(name)]
    ceilometer.add(server)
    # All of its processors are busy: 120e9 ns a minute, which is 90e9 more than the threshold.
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    ceilometer.tell(server, [(now - back * MINUTE, 1e12 - back * FULL) for back in range(5, -1, -1)])
    rule = {
        "metric": "cpu",
        "resource_type": "instance",
        "resource_id": server,
        "aggregation_method": "rate:mean",
        "granularity": 60,
        "evaluation_periods": 1,
        "comparison_operator": "gt",
        "threshold": 30e9,
    }
    alarm = {
        "name": unique("busy"),
        "type": "gnocchi_resources_threshold",
        "gnocchi_resources_threshold_rule": rule,
        "alarm_actions": [f"{product.access.url}/receivers/{token}"],
    }
    alarming = {"endpoint_filter": {"service_type": "alarming"}}
    made = operator.owner.session.post("/v2/alarms", json=alarm, **alarming).json()["alarm_id"]
    try:
        until("the group has three", lambda: fleet.group(name)["DesiredCapacity"] == 3)
        fleet.settle(name, 3)
        assert operator.owner.session.get(f"/v2/alarms/{made}", **alarming).json()["state"] == "alarm"
    finally:
        operator.owner.session.delete(f"/v2/alarms/{made}", **alarming)
    assert len(operator.servers(name)) == 3
    assert any("policy steps" in one["Cause"] for one in fleet.activities(name))


def test_alerts_of_alertmanagers_execute_policies(fleet: Fleet, operator: Operator, product: Product) -> None:
    installation.install_debian(settle(state_folder(), None), {"prometheus-alertmanager": "prometheus-alertmanager"})
    name = fleet.create(1, 1, 6, DefaultCooldown=0)
    steps(fleet, name, threshold_to_next=20.0)
    fleet.autoscaling.put_scaling_policy(
        AutoScalingGroupName=name, PolicyName="out", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
    )
    simple = receiver(product, operator.project, name, "--policy", "out")
    stepped = receiver(product, operator.project, name, "--policy", "steps", "--threshold", "70")
    hooks: dict[str, dict[str, Any]] = {
        "in-address": {"url": f"{product.access.url}/receivers/{simple}", "send_resolved": False},
        "in-header": {
            "url": f"{product.access.url}/receivers/-",
            "send_resolved": False,
            "http_config": {"authorization": {"credentials": stepped}},
        },
        "guessed": {"url": f"{product.access.url}/receivers/{simple[::-1]}", "send_resolved": False},
    }
    with alertmanager(hooks) as alerts:
        alerts.fire("guessed")
        alerts.fire("in-address")
        until("the simple policy was executed", lambda: fleet.group(name)["DesiredCapacity"] == 2)
        fleet.settle(name, 2)
        alerts.fire("in-header", value="95.5")
        until("the second step was taken", lambda: fleet.group(name)["DesiredCapacity"] == 4)
        fleet.settle(name, 4)
    assert len(operator.servers(name)) == 4


def steps(fleet: Fleet, name: str, threshold_to_next: float) -> None:
    """A policy ``steps``: one more above its threshold, two more that far beyond it."""
    fleet.autoscaling.put_scaling_policy(
        AutoScalingGroupName=name,
        PolicyName="steps",
        PolicyType="StepScaling",
        AdjustmentType="ChangeInCapacity",
        EstimatedInstanceWarmup=0,
        StepAdjustments=[
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": threshold_to_next, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": threshold_to_next, "ScalingAdjustment": 2},
        ],
    )
