"""Spans of real processes, over the wire to a collector of our own: one that works, and one that does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.clients import client
from conformance.fleet import default_subnets, newest_image
from conformance.product import Product, until
from tests.collector import Collector, attributes, collector

THEIRS = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT_SOON = {"OS_TRACING__ENABLED": "true", "OTEL_BSP_SCHEDULE_DELAY": "100", "OS_GATEWAY__WORKERS": "2"}


@pytest.fixture
def sent() -> Iterator[Collector]:
    with collector() as kept:
        yield kept


@pytest.fixture
def product(tmp_path: Path, sent: Collector) -> Iterator[Product]:
    """One that tells the collector of itself."""
    settings = {**SENT_SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": sent.url, "OS_TRACING__CLIENT_CONTEXT": "link"}
    made = Product(tmp_path / "state", settings=settings)
    made.start()
    yield made
    made.stop()


def _make_group(product: Product, name: str = "web") -> str:
    """The request's id."""
    asg, ec2 = (client(product.access, each, recorded=False) for each in ("autoscaling", "ec2"))

    def in_their_trace(request: Any, **_: Any) -> None:
        request.headers["traceparent"] = f"00-{THEIRS}-00f067aa0ba902b7-01"

    asg.meta.events.register("before-send.autoscaling.CreateAutoScalingGroup", in_their_trace)
    template = {"ImageId": newest_image(ec2), "InstanceType": "t3.micro"}
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=template)
    made = asg.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=1,
        AvailabilityZones=list(default_subnets(ec2))[:1],
        LaunchTemplate={"LaunchTemplateName": name},
    )
    found: str = made["ResponseMetadata"]["RequestId"]
    return found


def _named(sent: Collector, name: str) -> list[Any]:
    return [each for each in list(sent.spans) if each.name == name]


def test_a_request_and_the_pass_that_it_caused_are_told(product: Product, sent: Collector) -> None:
    request_id = _make_group(product)
    until(
        "both are told", lambda: _named(sent, "autoscaling.CreateAutoScalingGroup") and _named(sent, "engine clusters")
    )
    (request,) = _named(sent, "autoscaling.CreateAutoScalingGroup")
    told = attributes(request)
    assert (told["coppice.request_id"], told["coppice.group"]) == (request_id, "web")
    assert [link.trace_id.hex() for link in request.links] == [THEIRS]
    assert request.trace_id.hex() != THEIRS
    passed = until(
        "its pass",
        lambda: [
            each for each in _named(sent, "engine clusters") if each.links and each.links[0].span_id == request.span_id
        ],
    )
    told = attributes(passed[0])  # type: ignore[index]
    assert (told["coppice.request_id"], told["coppice.group"]) == (request_id, "web")
    assert len(told["coppice.activities"]) == 1
    names = {each["service.name"] for each in sent.resources}
    assert names == {"coppice-gateway", "coppice-engine"}
    secret = product.access.secret
    assert not any(secret in str(each) for each in sent.spans)


def test_all_workers_tell_after_their_fork_and_the_last_of_it_at_their_end(product: Product, sent: Collector) -> None:
    def workers() -> set[str]:
        asg = client(product.access, "autoscaling", recorded=False)
        asg.describe_account_limits()
        return {each["service.instance.id"] for each in sent.resources if each["service.name"] == "coppice-gateway"}

    until("both workers have told", lambda: len(workers()) >= 2, seconds=60)
    asg = client(product.access, "autoscaling", recorded=False)
    asg.describe_adjustment_types()
    assert product.stop() == 0
    assert len(_named(sent, "autoscaling.DescribeAdjustmentTypes")) == 1


@pytest.mark.parametrize("fault", ["hangs", "refuses", "is not there"])
def test_a_collector_that_does_not_work_costs_spans_alone(tmp_path: Path, sent: Collector, fault: str) -> None:
    small = {"OTEL_BSP_MAX_QUEUE_SIZE": "32", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16"}
    settings = {**SENT_SOON, **small, "OTEL_EXPORTER_OTLP_ENDPOINT": sent.url}
    if fault == "hangs":
        sent.hangs = threading.Event()
    elif fault == "refuses":
        sent.status = 503
    else:
        settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    product = Product(tmp_path / "state", settings=settings)
    product.start()
    try:
        _make_group(product)
        asg = client(product.access, "autoscaling", recorded=False)

        def in_service() -> bool:
            (group,) = asg.describe_auto_scaling_groups()["AutoScalingGroups"]
            return [each["LifecycleState"] for each in group["Instances"]] == ["InService"]

        until("its instance is there", in_service)
        for _ in range(120):  # more than the queue has room for
            asg.describe_account_limits()
    finally:
        status = product.stop()  # in time, or it fails
    assert status == 0
    log = "".join(file.read_text() for file in (product.log, *product.state.glob("*.log")))
    assert "spans may be lost" in log
    assert log.count("spans may be lost") < 20  # once a process and minute: spans were lost more often by far
    assert "Traceback" not in log
