"""boto3: metrics that are put, named and read again, in every wire form; dashboards and tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.session import get_session

from conformance.clients import RECORD, client, refused
from conformance.fleet import unique
from conformance.product import Access

pytestmark = pytest.mark.embedded("no cloud has a part in metrics")

MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def cloudwatch(server: Access) -> Any:
    return client(server, "cloudwatch", strict=False)


@pytest.fixture(params=["json", "query", "smithy-rpc-v2-cbor"])
def spoken(request: pytest.FixtureRequest, server: Access) -> Any:
    """A client that speaks one of the three forms."""
    session = get_session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def of_one_form(service: str, kind: str, *rest: Any, **further: Any) -> Any:
        model = load(service, kind, *rest, **further)
        if service != "cloudwatch" or kind != "service-2":
            return model
        told = {**model["metadata"], "protocol": request.param, "protocols": [request.param]}
        return {**model, "metadata": told}

    loader.load_service_model = of_one_form
    made = boto3.session.Session(botocore_session=session).client(
        "cloudwatch",
        endpoint_url=server.url,
        region_name=server.region,
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    assert made.meta.service_model.metadata["protocols"] == [request.param]
    RECORD.watch(made)
    return made


@pytest.fixture
def dashboard(cloudwatch: Any) -> Iterator[str]:
    name = unique("board")
    tags = [{"Key": "team", "Value": "red"}]
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps({"widgets": []}), Tags=tags)
    yield name
    cloudwatch.delete_dashboards(DashboardNames=[name])


def stat(namespace: str, name: str, statistic: str = "Sum", **more: Any) -> dict[str, Any]:
    metric = {"Namespace": namespace, "MetricName": name}
    return {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}, **more}


def test_what_is_put_is_read_in_every_form(spoken: Any) -> None:
    namespace = unique("App")
    data = [{"MetricName": "m", "Timestamp": NOW, "Value": value} for value in (1, 2.5)]
    data.append({"MetricName": "m", "Timestamp": NOW - MINUTE, "Values": [1, 4], "Counts": [3, 1], "Unit": "None"})
    spoken.put_metric_data(Namespace=namespace, MetricData=data)
    many = [{"MetricName": "many", "Timestamp": NOW, "Value": number} for number in range(900)]
    spoken.put_metric_data(Namespace=namespace, MetricData=many)  # goes out compressed
    (listed, _) = spoken.list_metrics(Namespace=namespace)["Metrics"]
    assert listed == {"Namespace": namespace, "MetricName": "m", "Dimensions": []}
    period = {"StartTime": NOW - MINUTE, "EndTime": NOW + MINUTE}
    answer = spoken.get_metric_statistics(
        Namespace=namespace, MetricName="m", Period=60, Statistics=["Sum"], ExtendedStatistics=["p50"], **period
    )
    told = [(point["Timestamp"], point["Sum"], point["ExtendedStatistics"]["p50"]) for point in answer["Datapoints"]]
    assert sorted(told) == [(NOW - MINUTE, 7, 1), (NOW, 3.5, 1)]
    answer = spoken.get_metric_data(
        MetricDataQueries=[stat(namespace, "m", ReturnData=False), {"Id": "e", "Expression": "m * 2", "Label": "x"}],
        **period,
    )
    (result,) = answer["MetricDataResults"]
    assert (result["Label"], result["Timestamps"], result["Values"]) == ("x", [NOW, NOW - MINUTE], [7, 14])
    with refused("InvalidParameterValue", "The value NaN for parameter MetricData.member.1.Value is invalid."):
        spoken.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": float("nan")}])
    for value, told in ((float("inf"), "Infinity"), (float("-inf"), "-Infinity"), (1e109, "1.0E109")):
        with refused("InvalidParameterValue", f"The value {told} for parameter MetricData.member.1.Value is invalid."):
            spoken.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": value}])
    old = {"MetricName": "m", "Value": 1.0, "Timestamp": NOW - timedelta(days=15)}
    words = "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks."
    with refused("InvalidParameterValue", words):
        spoken.put_metric_data(Namespace=namespace, MetricData=[old])
    with refused("ValidationError", "Error in expression 'e' [Unsupported token ')' at char 4]"):
        spoken.get_metric_data(MetricDataQueries=[{"Id": "e", "Expression": "1 + )"}], **period)


def test_what_cannot_be_is_refused(cloudwatch: Any) -> None:
    with refused("MissingParameter", "At least one MetricDatum object must be present in the request."):
        cloudwatch.put_metric_data(Namespace="App")
    with refused("InvalidParameterCombination", "At least one of the parameters must be specified."):
        cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "m"}])
    with refused("InvalidParameterValue", "Request parameter NextToken is invalid"):
        cloudwatch.list_metrics(NextToken="x")
    with refused("ValidationError", "Member must satisfy enum value set"):
        cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "m", "Value": 1, "Unit": "Miles"}])
    with refused("InvalidAction", "not supported by Coppice"):
        cloudwatch.describe_anomaly_detectors()


def test_a_dashboard_is_kept_with_its_tags(cloudwatch: Any, dashboard: str) -> None:
    told = cloudwatch.get_dashboard(DashboardName=dashboard)
    assert json.loads(told["DashboardBody"]) == {"widgets": []}
    (entry,) = cloudwatch.list_dashboards(DashboardNamePrefix=dashboard)["DashboardEntries"]
    assert (entry["DashboardArn"], entry["Size"]) == (told["DashboardArn"], 15)
    arn = told["DashboardArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "more", "Value": "1"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "more", "Value": "1"}]
    with refused("InvalidParameterInput", "must be a valid JSON object"):
        cloudwatch.put_dashboard(DashboardName=dashboard, DashboardBody="[")
    with refused("ResourceNotFound", "does not exist", 404):
        cloudwatch.get_dashboard(DashboardName=unique("none"))
