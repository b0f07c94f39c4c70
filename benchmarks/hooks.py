"""What a launch costs that a hook holds and a notification tells, against one that nobody hears of, on one server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import filling
import peers
import processes
from peers import Peer
from signing import Target
from table import Table

NUMBER = 100
CONSUMERS = 2
_LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
_LAUNCH = "autoscaling:EC2_INSTANCE_LAUNCH"
_ROLE = "arn:aws:iam::123456789012:role/bench"
_PATIENCE_SECONDS = 600.0


def report(folder: Path, rounds: int) -> int:
    """Print the costs; a round is a group from none to so many instances, without and with, in turn."""
    folder = folder / "hooks"
    folder.mkdir()
    spent: dict[bool, list[tuple[float, ...]]] = {False: [], True: []}
    with peers.coppice(folder) as coppice:
        zones = filling.prepare(coppice.target)
        told = _Told(coppice.target)
        with told.consumed():
            for turn in range(rounds):
                for held in (False, True):
                    spent[held].append(_launched(coppice, zones, f"group-{turn}-{held}", told if held else None))
    table = Table("launches", "seconds", "engine, ms each", "gateway, ms each", "both", "")
    typical = {held: [median(each[at] for each in found) for at in range(3)] for held, found in spent.items()}
    for held, name in ((False, "heard of by nobody"), (True, "held by a hook, told by a notification")):
        seconds, engine, gateway = typical[held]
        cells = f"{seconds:.1f}", *(f"{each * 1000 / NUMBER:.1f}" for each in (engine, gateway, engine + gateway))
        table.add(name, *cells)
    ratios = [with_it / without for with_it, without in zip(typical[True], typical[False], strict=True)]
    both = sum(typical[True][1:]) / sum(typical[False][1:])
    table.add("ratio", *(f"{each:.2f}x" for each in (*ratios, both)))
    print(
        f"{NUMBER} launches at once; messages by queue and topic, {CONSUMERS} consumers that complete the actions;"
        f" processor time of the server's processes\n\n{table}\n",
        flush=True,
    )
    return table.missed


class _Told:
    """A queue that hooks and a topic tell, and programs that read it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        sqs, sns = filling.client(target, "sqs"), filling.client(target, "sns")
        self._url = sqs.create_queue(QueueName="told")["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.queue: str = asked["Attributes"]["QueueArn"]
        self.topic: str = sns.create_topic(Name="told")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.queue)

    @contextmanager
    def consumed(self) -> Iterator[None]:
        """Whatever the queue gets is read, and what waits for an answer has it."""
        over = threading.Event()
        consumers = [threading.Thread(target=self._consume, args=(over,)) for _ in range(CONSUMERS)]
        for each in consumers:
            each.start()
        try:
            yield
        finally:
            over.set()
            for each in consumers:
                each.join()

    def _consume(self, over: threading.Event) -> None:
        sqs, autoscaling = filling.client(self._target, "sqs"), filling.client(self._target, "autoscaling")
        while not over.is_set():
            found = sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages")
            for each in found or ():
                _answer(autoscaling, json.loads(each["Body"]))
            if found:
                entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(found)]
                sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)


def _answer(autoscaling: Any, body: dict[str, Any]) -> None:
    if "LifecycleActionToken" in body:
        autoscaling.complete_lifecycle_action(
            AutoScalingGroupName=body["AutoScalingGroupName"],
            LifecycleHookName=body["LifecycleHookName"],
            LifecycleActionToken=body["LifecycleActionToken"],
            LifecycleActionResult="CONTINUE",
        )


def _launched(coppice: Peer, zones: list[str], name: str, told: _Told | None) -> tuple[float, float, float]:
    """Seconds until all are in service, and processor seconds of engine and gateway."""
    autoscaling = filling.client(coppice.target, "autoscaling")
    given: dict[str, Any] = {"AutoScalingGroupName": name, "LaunchConfigurationName": "bench"}
    given |= {"MinSize": 0, "MaxSize": NUMBER, "DesiredCapacity": 0, "AvailabilityZones": zones}
    if told is not None:
        hook = {"LifecycleHookName": "h", "LifecycleTransition": _LAUNCHING, "HeartbeatTimeout": 3600}
        given["LifecycleHookSpecificationList"] = [{**hook, "NotificationTargetARN": told.queue, "RoleARN": _ROLE}]
    autoscaling.create_auto_scaling_group(**given)
    if told is not None:
        autoscaling.put_notification_configuration(
            AutoScalingGroupName=name, TopicARN=told.topic, NotificationTypes=[_LAUNCH]
        )
    time.sleep(2)
    several = processes.family(coppice.pid)
    before = {each.pid: each.processor_seconds() for each in several}
    begun = time.perf_counter()
    autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=NUMBER)
    _wait(name, lambda: _serving(autoscaling, name) == NUMBER)
    seconds = time.perf_counter() - begun
    time.sleep(2)  # what is told last
    used = {
        role: sum(each.processor_seconds() - before[each.pid] for each in several if each.role == role)
        for role in ("engine", "gateway")
    }
    return seconds, used["engine"], used["gateway"]


def _serving(autoscaling: Any, name: str) -> int:
    (group,) = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return sum(each["LifecycleState"] == "InService" for each in group["Instances"])


def _wait(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not all are in service after {_PATIENCE_SECONDS:g} s")
        time.sleep(0.5)
