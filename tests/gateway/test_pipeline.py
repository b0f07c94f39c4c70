import gzip
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from gateway.limits import Limits, TokenBuckets
from gateway.request import Request
from tests.gateway.world import CALLER, KEY, World, action, json_action, presigned, signed
from translators.errors import AWSError
from translators.registry import NotYet


class Lost(Exception):
    pass


def said(response):
    """Status, code and message of an error document."""
    root = ET.fromstring(response.body)
    texts = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
    assert response.headers["Content-Type"].startswith("text/xml")
    assert response.headers["x-amzn-requestid"] == texts.get("RequestId", texts.get("RequestID"))
    return response.status, texts["Code"], texts["Message"]


def test_a_call_reaches_its_handler_and_its_answer_the_client():
    world = World().on("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroups": [], "NextToken": "n&1"})
    answer = world.pipeline().answer(
        action(
            "autoscaling",
            "DescribeAutoScalingGroups",
            {"AutoScalingGroupNames.member.2": "b", "AutoScalingGroupNames.member.1": "a", "MaxRecords": 7},
        )
    )
    assert answer.status == 200
    request_id = answer.headers["x-amzn-requestid"]
    assert answer.body.decode() == (
        '<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
        "<DescribeAutoScalingGroupsResult><AutoScalingGroups/><NextToken>n&amp;1</NextToken></DescribeAutoScalingGroupsResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></DescribeAutoScalingGroupsResponse>"
    )
    (call,) = world.calls
    assert call.params == {"AutoScalingGroupNames": ["a", "b"], "MaxRecords": 7}
    assert (call.service, call.operation, call.caller, call.region) == (
        "autoscaling",
        "DescribeAutoScalingGroups",
        CALLER,
        "us-east-1",
    )
    assert (call.account_id, call.scope, call.backend, call.request_id) == (
        "123456789012",
        ("p-1", "us-east-1"),
        "the backend",
        request_id,
    )


def test_an_ec2_answer_begins_with_the_request_id():
    world = World().on("ec2", "DescribeRegions", {"Regions": [{"RegionName": "us-east-1"}]}).on("ec2", "DeleteVpc")
    answer = world.pipeline().answer(action("ec2", "DescribeRegions", {"RegionName.1": "us-east-1"}))
    assert answer.body.decode().endswith(
        '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>{answer.headers['x-amzn-requestid']}</requestId>"
        "<regionInfo><item><regionName>us-east-1</regionName></item></regionInfo></DescribeRegionsResponse>"
    )
    assert world.calls[0].params == {"RegionNames": ["us-east-1"]}
    deleted = world.pipeline().answer(action("ec2", "DeleteVpc", {"VpcId": "vpc-1"}))
    assert b"</requestId><return>true</return></DeleteVpcResponse>" in deleted.body


def test_both_load_balancing_services_share_a_scope():
    world = (
        World()
        .on("elb", "DescribeLoadBalancers")
        .on("elbv2", "DescribeLoadBalancers")
        .on("elb", "DescribeInstanceHealth")
    )
    pipeline = world.pipeline()
    for service in ("elb", "elbv2"):
        assert pipeline.answer(action(service, "DescribeLoadBalancers")).status == 200
    assert pipeline.answer(signed("elb", {"Action": "DescribeInstanceHealth", "LoadBalancerName": "l"})).status == 200
    assert [call.service for call in world.calls] == ["elb", "elbv2", "elb"]


def test_parameters_may_stand_in_the_query_string():
    world = World().on("sts", "GetCallerIdentity", {"Account": "123456789012"})
    assert world.pipeline().answer(presigned("sts", "GetCallerIdentity")).status == 200
    assert (
        world.pipeline()
        .answer(signed("sts", method="GET", query="Action=GetCallerIdentity&Version=2011-06-15", body=""))
        .status
        == 200
    )
    assert [call.params for call in world.calls] == [{}, {}]


def test_iam_is_signed_for_a_region_that_is_not_ours():
    world = World(options={"default_region": "eu-west-1"}).on("iam", "ListRoles", {"Roles": []})
    assert world.pipeline().answer(action("iam", "ListRoles", region="us-gov-west-9")).status == 200
    assert world.calls[0].region == "eu-west-1"


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (
            lambda: action("autoscaling", "MakeCoffee"),
            (400, "InvalidAction", "Could not find operation MakeCoffee for version 2011-01-01"),
        ),
        (
            lambda: action("ec2", "MakeCoffee"),
            (400, "InvalidAction", "The action MakeCoffee is not valid for this web service."),
        ),
        (
            lambda: signed("autoscaling", {"Action": "DescribeTags", "Version": "1999-01-01"}),
            (400, "InvalidAction", "Could not find operation DescribeTags for version 1999-01-01"),
        ),
        (
            lambda: action("autoscaling", "PutScalingPolicy", {"AutoScalingGroupName": "g", "PolicyName": "p"}),
            (
                400,
                "InvalidAction",
                "The action PutScalingPolicy is not supported by Coppice for the service autoscaling.",
            ),
        ),
        (
            lambda: action("ec2", "DescribeVolumes"),
            (
                400,
                "InvalidAction",
                "The action DescribeVolumes is not valid for this web service: it is not supported by Coppice.",
            ),
        ),
        (
            lambda: signed("autoscaling"),
            (
                400,
                "MissingAction",
                "The request must contain the parameter Action (Coppice speaks the query form of this service).",
            ),
        ),
        (
            lambda: signed("dynamodb", {"Action": "ListTables"}),
            (
                400,
                "InvalidAction",
                "The service dynamodb is not supported by Coppice.",
            ),
        ),
        (
            lambda: replace(action("sts", "GetCallerIdentity"), method="PUT"),
            (400, "UnsupportedHttpVerb", "The requested HTTP verb is not supported: PUT"),
        ),
    ],
)
def test_what_is_not_answered_is_refused_with_400(request_, refusal):
    assert said(World().pipeline().answer(request_())) == refusal


def test_a_bare_request_is_told_that_it_is_not_signed():
    answer = World().pipeline().answer(Request("GET", "/", "", {"host": "x"}))
    assert said(answer) == (403, "MissingAuthenticationToken", "Request is missing Authentication Token")


def test_a_region_that_the_cloud_does_not_have():
    answer = World().pipeline().answer(action("autoscaling", "DescribeTags", region="mars-1"))
    assert said(answer) == (
        403,
        "SignatureDoesNotMatch",
        "Credential should be scoped to a valid region, not 'mars-1'. ",
    )
    answer = World().pipeline().answer(action("ec2", "DescribeTags", region="mars-1"))
    assert said(answer) == (401, "AuthFailure", "AWS was not able to validate the provided access credentials")


def test_every_constraint_that_is_not_met_is_told():
    answer = (
        World()
        .on("autoscaling", "CreateAutoScalingGroup")
        .pipeline()
        .answer(action("autoscaling", "CreateAutoScalingGroup", {"AutoScalingGroupName": "", "MaxSize": "-1"}))
    )
    words = (
        "3 validation errors detected: Value '' at 'autoScalingGroupName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; Value null at 'minSize' failed to satisfy constraint: "
        "Member must not be null; Value '-1' at 'maxSize' failed to satisfy constraint: "
        "Member must have value greater than or equal to 0"
    )
    assert said(answer) == (400, "ValidationError", words)


def test_errors_of_handlers_and_findings_of_the_backend_are_told_in_aws_words():
    world = World(findings={Lost: AWSError("ValidationError", "AutoScalingGroup name not found - null")})
    world.on("autoscaling", "DescribeTags", AWSError("InvalidNextToken", "no <such> token")).on(
        "autoscaling", "DescribePolicies", Lost()
    )
    pipeline = world.pipeline()
    assert said(pipeline.answer(action("autoscaling", "DescribeTags"))) == (400, "InvalidNextToken", "no <such> token")
    assert said(pipeline.answer(action("autoscaling", "DescribePolicies"))) == (
        400,
        "ValidationError",
        "AutoScalingGroup name not found - null",
    )


def test_a_fault_of_ours_is_logged_and_not_shown(caplog):
    answer = (
        World()
        .on("ec2", "DescribeRegions", ZeroDivisionError("secret detail"))
        .pipeline()
        .answer(action("ec2", "DescribeRegions"))
    )
    request_id = answer.headers["x-amzn-requestid"]
    assert said(answer) == (500, "InternalError", f"An internal error has occurred. Request id: {request_id}")
    assert request_id in caplog.text
    assert "secret detail" in caplog.text


def test_an_answer_that_does_not_fit_its_shape_is_a_fault_of_ours():
    answer = World().on("ec2", "DescribeRegions", {"Regions": [17]}).pipeline().answer(action("ec2", "DescribeRegions"))
    assert said(answer)[:2] == (500, "InternalError")


def test_requests_that_are_too_large():
    pipeline = World(options={"limits": Limits(body_bytes=100, query_bytes=50, parameters=3, depth=4)}).pipeline()
    assert said(pipeline.answer(signed("sts", body="x" * 101)))[:2] == (413, "RequestEntityTooLarge")
    assert said(pipeline.answer(signed("sts", body="", query="q=" + "x" * 49)))[:2] == (413, "RequestEntityTooLarge")
    assert said(pipeline.answer(signed("sts", body="a=1&b=2&c=3&d=4")))[:2] == (400, "MalformedQueryString")
    deep = World(options={"limits": Limits(depth=4)}).on("sts", "GetCallerIdentity").pipeline()
    assert said(deep.answer(action("sts", "GetCallerIdentity", {"a.b.c.d.e": 1})))[:2] == (400, "MalformedQueryString")


def test_a_gzipped_body_is_unpacked_within_the_limit():
    world = World(options={"limits": Limits(body_bytes=1000)}).on("cloudwatch", "PutMetricData")
    pipeline, packed = world.pipeline(), {"Content-Encoding": "gzip"}
    plain = b"Action=PutMetricData&Version=2010-08-01&Namespace=n"
    assert pipeline.answer(signed("cloudwatch", body=gzip.compress(plain), headers=packed)).status == 200
    assert world.calls[0].params == {"Namespace": "n"}
    bomb = signed("cloudwatch", body=gzip.compress(b"a" * 100_000), headers=packed)
    assert said(pipeline.answer(bomb))[:2] == (413, "RequestEntityTooLarge")
    whole = gzip.compress(plain)
    for body in (b"nonsense", whole[:-12], whole + b"x", whole + whole):
        assert said(pipeline.answer(signed("cloudwatch", body=body, headers=packed)))[:2] == (
            400,
            "MalformedQueryString",
        )
    listed = signed("cloudwatch", body=whole, headers={"Content-Encoding": "identity, GZIP"})
    assert pipeline.answer(listed).status == 200


def test_a_call_knows_where_its_caller_reached_us():
    world = World().on("sts", "GetCallerIdentity")
    asked = action("sts", "GetCallerIdentity")
    pipeline = replace(world.pipeline(), verify=lambda _request, _claim, known, _now: known.find(KEY))
    for scheme, host in (
        ("http", "cloud.example:8080"),
        ("https", "[::1]:443"),
        ("http", "x/../y"),
        ("http", "a" * 300),
        ("http", ""),
    ):
        pipeline.answer(replace(asked, scheme=scheme, headers={**asked.headers, "host": host}))
    assert [call.endpoint for call in world.calls] == ["http://cloud.example:8080", "https://[::1]:443", "", "", ""]


def test_regions_are_told_by_aws_s_names():
    world = World().on("ec2", "DescribeRegions", {"Regions": []})
    regions = {"RegionOne": "RegionOne", "us-east-1": "RegionOne", "Lab": "Lab", "us-west-2": "RegionTwo"}
    replace(world.pipeline(), regions=regions).answer(action("ec2", "DescribeRegions", region="RegionOne"))
    world.pipeline().answer(action("ec2", "DescribeRegions"))
    assert [call.regions for call in world.calls] == [("us-east-1", "Lab", "us-west-2"), ()]


@pytest.mark.parametrize(
    "regions", [{"us-east-1": "RegionOne", "eu-west-1": "RegionTwo"}, {"us-east-1": "1", "eu-west-1": "2"}.get]
)
def test_a_call_finds_its_project_in_regions_that_can_be_signed_for(regions):
    world = World().on("ec2", "DescribeRegions", {"Regions": []})
    replace(world.pipeline(), regions=regions).answer(action("ec2", "DescribeRegions"))
    (call,) = world.calls
    assert (call.scope_in("eu-west-1"), call.scope_in("mars")) == ((call.scope[0], "eu-west-1"), None)


def test_throttling_is_per_account_and_region():
    world = World(options={"throttle": TokenBuckets(rate=0.0001, burst=1)}).on(
        "autoscaling", "DescribeTags", {"Tags": []}
    )
    pipeline = world.on("ec2", "DescribeTags").pipeline()
    assert pipeline.answer(action("autoscaling", "DescribeTags")).status == 200
    assert said(pipeline.answer(action("autoscaling", "DescribeTags"))) == (400, "Throttling", "Rate exceeded")
    assert said(pipeline.answer(action("ec2", "DescribeTags"))) == (
        503,
        "RequestLimitExceeded",
        "Request limit exceeded.",
    )
    assert pipeline.answer(action("autoscaling", "DescribeTags", region="eu-west-1")).status == 200


@pytest.mark.parametrize(
    "request_",
    [
        lambda: action("ec2", "MakeCoffee"),
        lambda: signed("ec2"),
        lambda: signed("ec2", body="a=1&a=2"),
        lambda: signed("ec2", body=b"nonsense", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_what_is_refused_takes_a_token_too(request_):
    pipeline = World(options={"throttle": TokenBuckets(rate=0.0001, burst=1)}).pipeline()
    assert said(pipeline.answer(request_()))[0] == 400
    assert said(pipeline.answer(request_())) == (503, "RequestLimitExceeded", "Request limit exceeded.")


def test_each_request_is_told_to_the_log_once():
    world = World().on("autoscaling", "DescribeTags", {"Tags": []})
    pipeline = world.pipeline()
    answer = pipeline.answer(action("autoscaling", "DescribeTags"))
    pipeline.answer(action("autoscaling", "MakeCoffee"))
    pipeline.answer(Request("GET", "/", "", {}))
    good, unknown, bare = world.records
    assert (good.service, good.operation, good.account, good.region) == (
        "autoscaling",
        "DescribeTags",
        "123456789012",
        "us-east-1",
    )
    assert (good.status, good.code, good.request_id) == (200, "", answer.headers["x-amzn-requestid"])
    assert good.seconds > 0
    # A name that no model has is not repeated: the log's labels stay few.
    assert (unknown.service, unknown.operation, unknown.status, unknown.code) == (
        "autoscaling",
        "",
        400,
        "InvalidAction",
    )
    assert (bare.account, bare.code) == ("", "MissingAuthenticationToken")


def test_a_handler_without_an_answer_yet_is_asked_again():
    world = World()

    def handle(call):
        world.calls.append(call)
        if call.may_wait and call.waited < 20:
            raise NotYet(20 - call.waited, lambda: True)
        return {"Messages": []}

    world.handlers["sqs", "ReceiveMessage"] = handle
    asked = action("sqs", "ReceiveMessage", {"QueueUrl": "q"})
    first = world.pipeline().answer(replace(asked, may_wait=True, waited=5.0))
    assert (first.later.seconds, first.later.ready()) == (15.0, True)
    assert first.later.account == world.calls[0].account_id
    assert not world.records  # it is told of when it is answered
    assert world.pipeline().answer(replace(asked, may_wait=True, waited=20.0)).later is None
    assert world.pipeline().answer(asked).later is None
    assert [each.waited for each in world.calls] == [5.0, 20.0, 0.0]
    assert len(world.records) == 2


def test_a_queues_address_may_stand_for_its_url():
    world = World().on("sqs", "ReceiveMessage", {})
    world.pipeline().answer(action("sqs", "ReceiveMessage", path="/123456789012/jobs"))
    assert [call.params for call in world.calls] == [{"QueueUrl": "/123456789012/jobs"}]


class Along:
    """What goes along with requests: what it is told, and whether it is around."""

    def __init__(self):
        self.begun, self.told, self.around = [], [], 0

    def __call__(self, request_id, traceparent):
        self.begun.append((request_id, traceparent))
        return self

    def __enter__(self):
        self.around += 1
        return self

    def __exit__(self, *_):
        self.around -= 1

    def tell(self, record):
        self.told.append((self.around, record))


@pytest.mark.parametrize("answer", [{}, Lost(), AWSError("ValidationError", "no")])
def test_what_goes_along_is_around_all_of_it_and_told_what_came_of_it(answer):
    along = Along()
    world = World(options={"along": along}).on("autoscaling", "DescribeTags", answer)
    answered = world.pipeline().answer(action("autoscaling", "DescribeTags", headers={"traceparent": "00-a-b-01"}))
    assert along.begun == [(answered.headers["x-amzn-requestid"], "00-a-b-01")]
    assert along.told == [(1, world.records[0])]
    assert along.around == 0


def test_it_goes_along_with_strangers_too_and_is_told_nothing_of_who_waits():
    along = Along()
    world = World(options={"along": along}).on("sqs", "ReceiveMessage", NotYet(1.0, lambda: False))
    pipeline = world.pipeline()
    pipeline.answer(replace(action("autoscaling", "DescribeTags"), headers={"host": "x"}))
    assert [record.operation for _, record in along.told] == [""]
    asked = json_action("sqs", "ReceiveMessage", b'{"QueueUrl": "https://x/1/q"}')
    assert pipeline.answer(asked).later is not None
    assert (len(along.begun), len(along.told), along.around) == (2, 1, 0)
