"""botocore's own clients, signing and all, against the pipeline: what a user of boto3 sees in each form."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.session import Session

from gateway.request import Request
from tests.gateway.world import HOST, KEY, SECRET, World
from translators.errors import AWSError

NOON = datetime(2026, 11, 28, 12, 0, 0, 500000, tzinfo=UTC)
CLOUDWATCH = pytest.mark.parametrize("form", ["query", "json", "smithy-rpc-v2-cbor"])


class OneForm(Loader):
    """A loader of models that list one form and no other."""

    def __init__(self, form, paths):
        super().__init__(extra_search_paths=paths)
        self._form = form

    def load_service_model(self, service_name, type_name, api_version=None):
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name == "service-2" and self._form:
            model = {**model, "metadata": {**model["metadata"], "protocol": self._form, "protocols": [self._form]}}
        return model


class Raw(BytesIO):
    def stream(self):
        yield self.read()


def client(world, service, form=""):
    """A client whose requests the pipeline answers."""
    pipeline = world.pipeline()

    def send(request, **_):
        headers = {name.lower(): _text(value) for name, value in request.headers.items()} | {"host": HOST}
        path = request.url.partition(HOST)[2] or "/"
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        answer = pipeline.answer(Request(request.method, path, "", headers, body))
        return AWSResponse(request.url, answer.status, answer.headers, Raw(answer.body))

    session = Session()
    session.register_component("data_loader", OneForm(form, session.get_component("data_loader").search_paths))
    made = session.create_client(
        service,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        endpoint_url=f"http://{HOST}",
    )
    made.meta.events.register("before-send", send)
    return made


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


@CLOUDWATCH
def test_cloudwatch(form):
    world = World()
    world.on("cloudwatch", "PutMetricData").on(
        "cloudwatch",
        "GetMetricData",
        {"MetricDataResults": [{"Id": "a", "Values": [21, 0.5], "Timestamps": [NOON, NOON]}], "Messages": []},
    )
    cloudwatch = client(world, "cloudwatch", form)
    datum = {"MetricName": "m", "Value": 1.5, "Timestamp": NOON, "Values": [1.0, 2.0], "Counts": [2.0, 1.0]}
    many = [datum] * 300  # of that many the client compresses its request
    cloudwatch.put_metric_data(Namespace="N", MetricData=many)
    read = cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "a"}], StartTime=NOON, EndTime=NOON)
    assert read["MetricDataResults"] == [{"Id": "a", "Values": [21.0, 0.5], "Timestamps": [NOON, NOON]}]
    put, got = world.calls
    whole = NOON.replace(microsecond=0)  # older clients drop the fraction
    told = put.params["MetricData"][0].pop("Timestamp")
    assert told in (NOON, whole)
    datum.pop("Timestamp")
    assert put.params["MetricData"][0] == datum
    assert len(put.params["MetricData"]) == 300
    assert got.params["StartTime"] in (NOON, whole)
    assert put.endpoint == f"http://{HOST}"


@CLOUDWATCH
def test_errors_of_cloudwatch_have_one_code_in_all_forms(form):
    world = World().on("cloudwatch", "DescribeAlarms", AWSError("InvalidNextToken", "no such token"))
    world.on("cloudwatch", "GetDashboard", AWSError("ResourceNotFound", "", 404))
    cloudwatch = client(world, "cloudwatch", form)
    with pytest.raises(cloudwatch.exceptions.InvalidNextToken) as caught:
        cloudwatch.describe_alarms()
    error = caught.value.response
    assert (error["Error"]["Code"], error["Error"]["Message"]) == ("InvalidNextToken", "no such token")
    assert error["ResponseMetadata"]["RequestId"] == world.records[0].request_id
    with pytest.raises(ClientError) as caught:
        cloudwatch.get_dashboard(DashboardName="d")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(ClientError) as caught:
        cloudwatch.delete_dashboards(DashboardNames=["d"])
    assert "not supported by Coppice" in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "operation", "params", "answer", "error", "code"),
    [
        (
            "sqs",
            "SendMessage",
            {"QueueUrl": "http://q", "MessageBody": "ü", "MessageAttributes": {}},
            {"MessageId": "m"},
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "events",
            "DescribeRule",
            {"Name": "r"},
            {"Name": "r", "State": "ENABLED"},
            "ResourceNotFoundException",
            "ResourceNotFoundException",
        ),
        (
            "ssm",
            "GetParameter",
            {"Name": "p"},
            {"Parameter": {"Name": "p", "Version": 1, "LastModifiedDate": NOON}},
            "ParameterNotFound",
            "ParameterNotFound",
        ),
        ("autoscaling", "DescribeTags", {}, {"Tags": [{"Key": "k"}]}, "InvalidNextToken", "InvalidNextToken"),
        ("ec2", "DescribeRegions", {}, {"Regions": [{"RegionName": "r"}]}, "AuthFailure", "AuthFailure"),
    ],
)
def test_services_in_the_form_that_botocore_takes(service, operation, params, answer, error, code):
    world = World().on(service, operation, answer)
    made = client(world, service)
    method = getattr(made, {name: key for key, name in made.meta.method_to_api_mapping.items()}[operation])
    found = method(**params)
    found.pop("ResponseMetadata")
    assert found == answer
    assert world.calls[0].params == params
    world.on(service, operation, AWSError(error, "why"))
    with pytest.raises(ClientError) as caught:
        method(**params)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"] == "why"
