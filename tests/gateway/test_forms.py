"""JSON and CBOR through the whole pipeline: signed by botocore, answered and refused in the form that was asked in."""

import gzip
import json
from dataclasses import replace

import pytest

from gateway.app import create_app
from gateway.limits import Limits, TokenBuckets
from gateway.protocol import aws_json, cbor
from gateway.protocol.scalars import Malformed
from gateway.request import Request
from tests.gateway.world import HOST, World, action, cbor_action, json_action, signed
from translators.errors import AWSError

FORMS = {"json": json_action, "cbor": cbor_action}
PROTOCOLS = {"json": "json", "cbor": "smithy-rpc-v2-cbor"}
both = pytest.mark.parametrize("form", FORMS)


WORDS = (
    "1 validation error detected: Value 'INVALID' at 'stateValue' failed to satisfy constraint: "
    "Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
)


def written(form, value):
    return json.dumps(value).encode() if form == "json" else cbor.encoded(value)


def told(form, answer):
    """What an answer says, as plain values."""
    return json.loads(answer.body) if form == "json" else cbor.decoded(answer.body, Limits())


def refusal(form, answer):
    """Status, type and words of an error."""
    said = told(form, answer)
    assert answer.headers["Content-Type"] == ("application/x-amz-json-1.0" if form == "json" else "application/cbor")
    assert answer.headers["x-amzn-requestid"]
    if form == "json":
        assert answer.headers["x-amzn-errortype"] == said["__type"].rpartition("#")[2]
    else:
        assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    return answer.status, said["__type"], said.get("message", said.get("Message"))


@both
def test_one_handler_answers_every_form_of_its_service(form):
    world = World().on("cloudwatch", "ListMetrics", {"Metrics": [{"Namespace": "n"}], "NextToken": None})
    pipeline = world.pipeline()
    answer = pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", written(form, {"Namespace": "n"})))
    assert (answer.status, told(form, answer)) == (200, {"Metrics": [{"Namespace": "n"}]})
    assert pipeline.answer(action("cloudwatch", "ListMetrics", {"Namespace": "n"})).status == 200
    assert [(call.service, call.operation, call.params) for call in world.calls] == [
        ("cloudwatch", "ListMetrics", {"Namespace": "n"})
    ] * 2
    assert [record.operation for record in world.records] == ["ListMetrics"] * 2


@both
def test_constraints_are_told_in_the_same_words_in_every_form(form):
    world = World().on("cloudwatch", "SetAlarmState")
    answer = world.pipeline().answer(
        FORMS[form](
            "cloudwatch",
            "SetAlarmState",
            written(form, {"AlarmName": "a", "StateValue": "INVALID", "StateReason": "r"}),
        )
    )
    assert refusal(form, answer) == (
        400,
        "com.amazon.coral.validate#ValidationException",
        WORDS,
    )
    assert answer.headers["x-amzn-query-error"] == "ValidationError;Sender"


@both
def test_errors_of_handlers_have_the_name_of_their_shape(form):
    world = World().on("cloudwatch", "SetAlarmState", AWSError("ResourceNotFound", "", 404))
    valid = written(form, {"AlarmName": "a", "StateValue": "OK", "StateReason": "r"})
    answer = world.pipeline().answer(FORMS[form]("cloudwatch", "SetAlarmState", valid))
    assert refusal(form, answer) == (404, "com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound", None)
    assert answer.headers["x-amzn-query-error"] == "ResourceNotFound;Sender"
    world.on("cloudwatch", "SetAlarmState", AWSError("InvalidParameterValue", "why"))
    answer = world.pipeline().answer(FORMS[form]("cloudwatch", "SetAlarmState", valid))
    assert refusal(form, answer)[1] == "com.amazonaws.cloudwatch.v2010_08_01#InvalidParameterValueException"


@both
def test_what_goes_wrong_before_a_service_is_known_is_told_in_the_form_of_the_request(form):
    pipeline = World().pipeline()
    good = FORMS[form]("cloudwatch", "ListMetrics")
    cases = [
        (replace(good, headers={**good.headers, "authorization": ""}), "MissingAuthenticationTokenException", 400),
        (FORMS[form]("cloudwatch", "ListMetrics", key="AKIDNOBODY"), "UnrecognizedClientException", 403),
        (FORMS[form]("cloudwatch", "ListMetrics", secret="x"), "InvalidSignatureException", 403),
        (FORMS[form]("cloudwatch", "ListMetrics", region="mars-1"), "InvalidSignatureException", 403),
        (FORMS[form]("cloudwatch", "MakeCoffee"), "UnknownOperationException", 400),
        (FORMS[form]("cloudwatch", "ListMetrics"), "UnknownOperationException", 400),
        (replace(good, method="PUT"), "UnknownOperationException", 400),
        (FORMS[form]("cloudwatch", "ListMetrics", b"nonsense"), "SerializationException", 400),
        (FORMS[form]("autoscaling", "DescribeTags"), "UnknownOperationException", 400),
        (FORMS[form]("dynamodb", "ListTables"), "UnknownOperationException", 400),
    ]
    for request, name, status in cases:
        answer = pipeline.answer(request)
        assert answer.status == status, name
        assert told(form, answer)["__type"].rpartition("#")[2] == name
    bare = Request("POST", "/", "", {name: good.headers[name] for name in good.headers if name != "authorization"})
    assert told(form, pipeline.answer(bare))["__type"] == "MissingAuthenticationTokenException"


def test_a_form_that_the_service_does_not_speak_is_refused_in_it():
    world = World().on("sqs", "ListQueues").on("ssm", "DescribeParameters")
    pipeline = world.on("autoscaling", "DescribeTags", {"Tags": []}).pipeline()
    answer = pipeline.answer(signed("ssm", {"Action": "DescribeParameters", "Version": "2014-11-06"}))
    assert answer.status == 400
    assert b"<Code>InvalidAction</Code>" in answer.body
    assert json.loads(pipeline.answer(json_action("autoscaling", "DescribeTags")).body)["__type"] == (
        "UnknownOperationException"
    )
    assert pipeline.answer(json_action("sqs", "ListQueues")).status == 200
    answer = pipeline.answer(json_action("sqs", "ListQueues", method="GET"))
    assert (answer.status, json.loads(answer.body)["__type"]) == (
        400,
        "com.amazon.coral.service#UnknownOperationException",
    )


def test_a_service_of_json_alone_has_plain_names_and_one_status():
    world = World(options={"throttle": TokenBuckets(rate=0.0001, burst=3)})
    pipeline = world.on("ssm", "GetParameter", AWSError("ParameterNotFound", "", 404)).pipeline()
    answer = pipeline.answer(json_action("ssm", "GetParameter", b'{"Name":"x"}'))
    assert (answer.status, json.loads(answer.body)) == (400, {"__type": "ParameterNotFound"})
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert "x-amzn-query-error" not in answer.headers
    answer = pipeline.answer(json_action("ssm", "GetParameter"))
    assert json.loads(answer.body) == {
        "__type": "ValidationException",
        "message": "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
    }
    answer = pipeline.answer(json_action("ssm", "GetParameter", secret="x"))
    assert (answer.status, json.loads(answer.body)["__type"]) == (400, "InvalidSignatureException")
    answers = [pipeline.answer(json_action("ssm", "GetParameter")) for _ in range(2)]
    assert (answers[1].status, json.loads(answers[1].body)) == (
        400,
        {"__type": "ThrottlingException", "message": "Rate exceeded"},
    )


def test_shapes_that_contain_themselves():
    world = World().on("ssm", "GetInventory", {"Entities": []})
    deep = {
        "Aggregators": [{"Expression": "a", "Aggregators": [{"Expression": "b", "Aggregators": [{"Expression": "c"}]}]}]
    }
    assert world.pipeline().answer(json_action("ssm", "GetInventory", json.dumps(deep))).status == 200
    assert world.calls[0].params == deep
    deep["Aggregators"][0]["Aggregators"][0]["Aggregators"][0]["Expression"] = ""
    answer = world.pipeline().answer(json_action("ssm", "GetInventory", json.dumps(deep)))
    assert (
        "Value '' at 'aggregators.1.member.aggregators.1.member.aggregators.1.member.expression'"
        in (json.loads(answer.body)["message"])
    )


@both
def test_a_gzipped_body_is_unpacked_within_the_limit(form):
    world = World(options={"limits": Limits(body_bytes=1000)}).on("cloudwatch", "ListMetrics", {})
    pipeline, packed = world.pipeline(), {"Content-Encoding": "gzip"}
    plain = written(form, {"Namespace": "n"})
    assert pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", gzip.compress(plain), headers=packed)).status == 200
    assert world.calls[0].params == {"Namespace": "n"}
    bomb = FORMS[form]("cloudwatch", "ListMetrics", gzip.compress(b"a" * 100_000), headers=packed)
    assert refusal(form, pipeline.answer(bomb))[:2] == (
        413,
        "com.amazon.coral.service#RequestEntityTooLargeException",
    )
    for body in (b"nonsense", gzip.compress(plain)[:-9]):
        answer = pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", body, headers=packed))
        assert refusal(form, answer)[:2] == (400, "com.amazon.coral.service#SerializationException")


@both
def test_a_fault_of_ours_is_a_500_in_every_form(form):
    world = World().on("cloudwatch", "ListMetrics", ZeroDivisionError("secret detail"))
    answer = world.pipeline().answer(FORMS[form]("cloudwatch", "ListMetrics"))
    assert refusal(form, answer)[:2] == (500, "com.amazon.coral.service#InternalFailure")
    assert answer.headers["x-amzn-query-error"] == "InternalFailure;Receiver"
    assert b"secret" not in answer.body


def test_an_answer_without_a_body_has_no_content_type_in_cbor():
    client = create_app(World().on("cloudwatch", "PutMetricAlarm").pipeline(), lambda: None, str).test_client()
    needed = {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    request = cbor_action("cloudwatch", "PutMetricAlarm", cbor.encoded(needed))
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    answer = client.post(request.path, data=request.body, headers=headers, base_url=f"http://{HOST}")
    assert (answer.status_code, answer.data) == (200, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"


@both
def test_a_request_that_cannot_be_taken_apart_takes_a_token_like_any_other(form):
    world = World(options={"throttle": TokenBuckets(rate=0.0001, burst=2)}).on("cloudwatch", "ListMetrics", {})
    pipeline = world.pipeline()
    kinds = [refusal(form, pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", b"nonsense"))) for _ in range(3)]
    assert [kind.rpartition("#")[2] for _, kind, _ in kinds] == ["SerializationException"] * 2 + ["ThrottlingException"]
    unknown = refusal(form, pipeline.answer(FORMS[form]("cloudwatch", "MakeCoffee")))
    assert unknown == (400, "com.amazon.coral.service#ThrottlingException", "Rate exceeded")
    # Who is not known to have signed takes none of the account's.
    other = FORMS[form]("cloudwatch", "ListMetrics", region="eu-west-1", secret="x")
    assert [refusal(form, pipeline.answer(other))[0] for _ in range(3)] == [403] * 3
    assert pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", region="eu-west-1")).status == 200
    assert [record.service for record in world.records[2:4]] == ["cloudwatch"] * 2


def test_another_operation_under_the_same_signature_is_refused():
    world = World().on("cloudwatch", "DescribeAlarms").on("cloudwatch", "DeleteAlarms")
    target = "GraniteServiceVersion20100801"
    bare = signed("cloudwatch", body=b'{"AlarmNames":["prod"]}', headers={"Content-Type": "application/x-amz-json-1.0"})
    pipeline = world.pipeline()
    for name in ("DescribeAlarms", "DeleteAlarms"):
        answer = pipeline.answer(replace(bare, headers={**bare.headers, "x-amz-target": f"{target}.{name}"}))
        assert refusal("json", answer)[:2] == (403, "com.amazon.coral.service#InvalidSignatureException")
    asked = json_action("cloudwatch", "DescribeAlarms", bare.body)
    other = replace(asked, headers={**asked.headers, "x-amz-target": f"{target}.DeleteAlarms"})
    assert (pipeline.answer(asked).status, pipeline.answer(other).status) == (200, 403)
    assert [call.operation for call in world.calls] == ["DescribeAlarms"]


def test_what_an_agent_sends_in_one_request_is_within_the_limits():
    world = World().on("cloudwatch", "PutMetricData")
    pipeline = world.pipeline()
    form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": "CWAgent"}
    for datum in range(1, 1001):
        head = f"MetricData.member.{datum}."
        form |= {f"{head}MetricName": "cpu", f"{head}Value": "99.5", f"{head}Unit": "Percent", f"{head}Timestamp": "1"}
        for number in (1, 2, 3):
            form |= {f"{head}Dimensions.member.{number}.{part}": "d" for part in ("Name", "Value")}
    assert len(form) > Limits().parameters
    assert pipeline.answer(signed("cloudwatch", form)).status == 200
    assert len(world.calls[0].params["MetricData"]) == 1000
    refused = pipeline.answer(signed("sns", {**form, "Action": "Publish"}))
    assert (refused.status, b"<Code>MalformedQueryString</Code>" in refused.body) == (400, True)
    datum = {"MetricName": "m", "Values": list(range(150)), "Counts": [1] * 150}
    metrics = {"Namespace": "n", "MetricData": [datum] * 900}
    assert pipeline.answer(json_action("cloudwatch", "PutMetricData", compact(metrics))).status == 200
    assert pipeline.answer(cbor_action("cloudwatch", "PutMetricData", cbor.encoded(metrics))).status == 200


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("value", "values", "depth"),
    [
        ({}, 1, 1),
        ([[[]]], 3, 3),
        ([0] * 4, 5, 1),
        ({"a": 0, "b": {"c": [1, 2]}}, 6, 3),
        ([{"k": {"l": {}}}], 4, 4),
    ],
)
def test_json_and_cbor_count_and_go_as_deep_alike(value, values, depth):
    forms = ((aws_json.decoded, compact(value)), (cbor.decoded, cbor.encoded(value)))
    for decoded, raw in forms:
        assert decoded(raw, Limits(depth=depth, values=values)) == value
        for limits in (Limits(depth=depth, values=values - 1), Limits(depth=depth - 1, values=values)):
            with pytest.raises(Malformed):
                decoded(raw, limits)


def test_an_instant_is_one_value_wherever_it_stands():
    raw = bytes.fromhex("81c100")
    assert cbor.decoded(raw, Limits(depth=1, values=2)) == [cbor.Instant(0)]
    for limits in (Limits(depth=0, values=2), Limits(depth=1, values=1)):
        with pytest.raises(Malformed):
            cbor.decoded(raw, limits)


def test_a_protocol_that_we_do_not_have_is_refused_whatever_the_service_speaks():
    world = World().on("cloudwatch", "ListMetrics").on("ec2", "DescribeVpcs")
    pipeline, other = world.pipeline(), {"smithy-protocol": "rpc-v3-<cbor>"}
    for service, name, options in (
        ("cloudwatch", "ListMetrics", {}),
        ("ec2", "DescribeVpcs", {}),
        ("dynamodb", "ListTables", {}),
    ):
        answer = pipeline.answer(signed(service, {"Action": name}, headers=other, **options))
        assert (answer.status, b"<Code>InvalidAction</Code>" in answer.body) == (400, True)
        assert b"rpc-v3-&lt;cbor&gt;" in answer.body
    assert not world.calls
    # Whoever is not known to have signed is refused in the service's words all the same.
    answer = pipeline.answer(signed("ec2", {"Action": "DescribeVpcs"}, headers=other, key="AKIDNOBODY"))
    assert (answer.status, b"<Code>AuthFailure</Code>" in answer.body) == (401, True)


@pytest.mark.parametrize("name", ["", "ListMetrics"])
def test_cbor_is_posted_to_a_path_that_names_an_operation(name):
    world = World().on("cloudwatch", "ListMetrics", {})
    method, code = ("GET", "UnsupportedHttpVerb") if name else ("POST", "MissingAction")
    answer = world.pipeline().answer(cbor_action("cloudwatch", name, method=method))
    status, kind, words = refusal("cbor", answer)
    assert (status, kind) == (400, "com.amazon.coral.service#UnknownOperationException")
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"
    assert words == (
        "The requested HTTP verb is not supported: GET"
        if name
        else "The path must end in /service/SERVICE/operation/OPERATION."
    )
    assert not world.calls


def test_json_without_a_target_is_told_in_json_what_is_missing():
    pipeline = World().on("cloudwatch", "ListMetrics", {}).pipeline()
    answer = pipeline.answer(signed("cloudwatch", body=b"{}", headers={"Content-Type": "application/x-amz-json-1.0"}))
    assert refusal("json", answer) == (
        400,
        "com.amazon.coral.service#UnknownOperationException",
        "The request must name its operation in the header X-Amz-Target.",
    )
    assert answer.headers["x-amzn-query-error"] == "MissingAction;Sender"


@both
def test_what_a_service_has_not_is_told_truly(form):
    pipeline = World().pipeline()
    prefix = "GraniteServiceVersion20100801"
    assert refusal(form, pipeline.answer(FORMS[form]("cloudwatch", "MakeCoffee")))[2] == (
        f"Could not find operation MakeCoffee of {prefix}"
    )
    for service in ("autoscaling", "ec2"):
        answer = pipeline.answer(FORMS[form](service, "DescribeTags"))
        assert (answer.status, told(form, answer)) == (
            400,
            {
                "__type": "UnknownOperationException",
                "message": f"The service {service} is not asked in the protocol {PROTOCOLS[form]}, but in "
                f"{'ec2' if service == 'ec2' else 'query'}.",
            },
        )
    for blank in ({}, {"Action": "DescribeParameters"}):
        assert b"The service ssm is not asked in the protocol query, but in json." in (
            pipeline.answer(signed("ssm", blank)).body
        )


def test_sqs_is_asked_in_the_form_that_its_model_has_lost():
    world = World().on("sqs", "SendMessage", {"MessageId": "m", "MD5OfMessageBody": "d"})
    attribute = {"Name": "n", "Value.DataType": "Number", "Value.StringValue": "5"}
    params = {
        "QueueUrl": "q",
        "MessageBody": "b",
        **{f"MessageAttribute.1.{key}": text for key, text in attribute.items()},
    }
    answer = world.pipeline().answer(action("sqs", "SendMessage", params))
    assert world.calls[0].params == {
        "QueueUrl": "q",
        "MessageBody": "b",
        "MessageAttributes": {"n": {"DataType": "Number", "StringValue": "5"}},
    }
    assert answer.body.startswith(
        b'<SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><SendMessageResult><MessageId>m<'
    )


def test_a_target_of_another_service_is_not_told_as_a_version():
    headers = {"X-Amz-Target": "AmazonSQS.ListMetrics"}
    answer = (
        World().on("cloudwatch", "ListMetrics", {}).pipeline().answer(json_action("cloudwatch", "", headers=headers))
    )
    assert refusal("json", answer)[2] == "Could not find operation ListMetrics of AmazonSQS"


@pytest.mark.parametrize(
    ("value", "kind"), [("4161", "BLOB"), ("c100", "TIMESTAMP"), ("6161", "STRING"), ("00", "NUMBER")]
)
def test_a_value_of_another_type_is_told_as_what_it_is(value, kind):
    body = bytes.fromhex("a175") + b"IncludeLinkedAccounts" + bytes.fromhex(value)
    answer = World().on("cloudwatch", "ListMetrics").pipeline().answer(cbor_action("cloudwatch", "ListMetrics", body))
    assert refusal("cbor", answer)[2] == f"{kind}_VALUE can not be converted to a Boolean"


def test_the_form_and_the_words_are_those_of_the_claim_that_is_verified():
    world = World().on("autoscaling", "DescribeTags", {"Tags": []})
    pipeline, good = world.pipeline(), action("autoscaling", "DescribeTags")
    decoy = "Credential=a/20200101/us-east-1/ec2/aws4_request, "
    header = good.headers["authorization"].replace("Credential=", decoy + "Credential=", 1)
    assert pipeline.answer(replace(good, headers={**good.headers, "authorization": header})).status == 200
    bad = replace(good, headers={**good.headers, "authorization": header}, body=good.body + b"&a=b")
    answer = pipeline.answer(bad)
    assert (answer.status, b"<Code>SignatureDoesNotMatch</Code>" in answer.body) == (403, True)
    assert answer.body.startswith(b"<ErrorResponse")


@both
def test_a_body_in_several_gzip_members_is_read_whole_within_the_limit(form):
    world = World(options={"limits": Limits(body_bytes=2000)}).on("cloudwatch", "ListMetrics", {})
    pipeline, packed = world.pipeline(), {"Content-Encoding": "gzip"}
    plain = written(form, {"Namespace": "n"})
    whole = b"".join(gzip.compress(part) for part in (plain[:4], b"", plain[4:]))
    assert pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", whole, headers=packed)).status == 200
    many = whole + gzip.compress(b"") * 61
    assert pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", many, headers=packed)).status == 200
    assert [call.params for call in world.calls] == [{"Namespace": "n"}] * 2
    for body, status in (
        (gzip.compress(b"a" * 1200) * 2, 413),
        (whole + gzip.compress(b"a" * 100_000), 413),
        (whole + whole[:9], 400),
        (whole + b"\x00", 400),
        (whole + gzip.compress(b"") * 62, 400),
    ):
        assert (
            refusal(form, pipeline.answer(FORMS[form]("cloudwatch", "ListMetrics", body, headers=packed)))[0] == status
        )


@both
@pytest.mark.parametrize("encoding", ["gzip,gzip", "gzip, identity, gzip", "br", "deflate", "gzip, br", "zstd,gzip"])
def test_an_encoding_that_is_not_undone_is_refused(form, encoding):
    world = World().on("cloudwatch", "ListMetrics", {})
    body = gzip.compress(written(form, {}))
    answer = world.pipeline().answer(
        FORMS[form]("cloudwatch", "ListMetrics", body, headers={"Content-Encoding": encoding})
    )
    assert refusal(form, answer)[:2] == (415, "UnsupportedMediaTypeException")
    assert not world.calls


@both
@pytest.mark.parametrize("encoding", ["", "identity", "amz-1.0", "Identity , amz-1.0"])
def test_an_encoding_that_says_nothing_is_passed_over(form, encoding):
    world = World().on("cloudwatch", "ListMetrics", {})
    asked = FORMS[form]("cloudwatch", "ListMetrics", headers={"Content-Encoding": encoding})
    assert world.pipeline().answer(asked).status == 200
