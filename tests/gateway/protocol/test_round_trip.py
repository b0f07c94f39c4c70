"""Every operation and shape of every service, both ways, against botocore's own serializer and parser."""

from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import dialects
from gateway.limits import Limits
from gateway.models import SERVICES, form_model, forms
from gateway.request import Request
from gateway.services import Services
from tests.gateway.samples import Samples
from translators.errors import AWSError

LIMITS = Limits()
SERVICES_UNDER_TEST = Services()
FORMS = [(service, form) for service in SERVICES for form in forms(service) if form in SERVICES_UNDER_TEST.forms]
ROUNDS = {"ec2": 2, "autoscaling": 20}
ID = "0f0e0d0c-1111-2222-3333-444455556666"
every_form = pytest.mark.parametrize(("service", "form"), FORMS)


def _operations(service, form):
    model = form_model(service, form)
    return [model.operation_model(name) for name in model.operation_names]


def _samples(operation, shape, **options):
    """A value with every member of every shape, then some with fewer."""
    if shape is None:
        return [{}]
    full = Samples(operation.name, full=True, **options).of(shape)
    rounds = range(ROUNDS.get(operation.service_model.service_name, 4))
    return [full, *(Samples(f"{operation.name} {seed}", **options).of(shape) for seed in rounds)]


def _sent(form, operation, params):
    """The request that botocore sends."""
    made = create_serializer(form, include_validation=False).serialize_to_request(params, operation)
    body = made["body"]
    raw = urlencode(body).encode() if isinstance(body, dict) else body
    headers = {name.lower(): value for name, value in made["headers"].items()}
    return Request(made["method"], made["url_path"], "", headers, raw)


def _requested(form, operation, params):
    """The parameters as they arrive: what botocore sends, read by our parser."""
    service = SERVICES_UNDER_TEST.service(operation.service_model.service_name)
    request = _sent(form, operation, params)
    protocol = service.protocol(request)
    assert protocol is service.protocols[form]
    asked = protocol.asked(request, LIMITS)
    assert (asked.operation, asked.service) == (operation.name, protocol.service)
    return service.operation(asked.operation, form).read(asked.content)


def _answered(form, operation, result):
    """The result as it arrives: what our serializer sends, read by botocore's parser."""
    compiled = SERVICES_UNDER_TEST.service(operation.service_model.service_name).operation(operation.name, form)
    answer = compiled.answer(result, ID)
    assert answer.status == 200
    assert answer.headers["x-amzn-requestid"] == ID
    if form in ("ec2", "query"):
        ET.fromstring(answer.body)
    parsed = create_parser(form).parse(_raw(answer), operation.output_shape)
    told = parsed.pop("ResponseMetadata")
    if answer.body or form != "smithy-rpc-v2-cbor":  # where there is no output, botocore does not look
        assert told["RequestId"] == ID
    return parsed


def _raw(answer):
    return {"status_code": answer.status, "headers": answer.headers, "body": answer.body}


def _sendable(value, *, empty_lists):
    """What is left of parameters on the wire: the ec2 form has no way to say an empty list."""
    if isinstance(value, dict):
        kept = {key: _sendable(item, empty_lists=empty_lists) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item != {} and (empty_lists or item != [])}
    if isinstance(value, list):
        kept = [_sendable(item, empty_lists=empty_lists) for item in value]
        return [item for item in kept if item != {} and item != []]
    return value


@every_form
def test_requests_of_botocore_are_read_as_they_were_meant(service, form):
    for operation in _operations(service, form):
        for sample in _samples(operation, operation.input_shape):
            params = _sendable(sample, empty_lists=form != "ec2")
            assert _requested(form, operation, params) == params, operation.name


@every_form
def test_answers_are_read_by_botocore_as_they_were_meant(service, form):
    for operation in _operations(service, form):
        for result in _samples(operation, operation.output_shape, empty_structures=True):
            # What is flattened cannot be said to be empty.
            told = _sendable(result, empty_lists=False) if (service, form) == ("sqs", "query") else result
            assert _answered(form, operation, told) == told, operation.name


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=20
)


@given(name=TEXT, tags=st.lists(st.fixed_dictionaries({"Key": TEXT, "Value": TEXT}), max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_text_arrives(name, tags):
    params = {"AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 1, "Tags": tags}
    operation = form_model("autoscaling", "query").operation_model("CreateAutoScalingGroup")
    assert _requested("query", operation, params) == params


@given(names=st.lists(XML_TEXT, max_size=5), service=st.sampled_from(("autoscaling", "ec2")))
@settings(max_examples=50, deadline=None)
def test_any_text_that_xml_can_carry_is_answered(names, service):
    if service == "ec2":
        operation = form_model("ec2", "ec2").operation_model("DescribeRegions")
        result = {"Regions": [{"RegionName": name} for name in names]}
    else:
        operation = form_model("autoscaling", "query").operation_model("DescribeTags")
        result = {"Tags": [{"Key": name, "ResourceId": name} for name in names]}
    assert _answered("ec2" if service == "ec2" else "query", operation, result) == result


@given(
    code=XML_TEXT.filter(bool),
    message=XML_TEXT,
    named=st.sampled_from([pair for pair in FORMS if pair[1] in ("ec2", "query")]),
    status=st.sampled_from((400, 403, 500)),
)
@settings(max_examples=100, deadline=None)
def test_errors_are_read_by_botocore_as_they_were_meant(code, message, named, status):
    service, form = named
    answer = SERVICES_UNDER_TEST.service(service).protocols[form].refuse(AWSError(code, message, status), ID)
    assert answer.status == status
    parsed = create_parser(form).parse(_raw(answer), None)
    assert parsed["Error"]["Code"] == code
    assert (parsed["Error"]["Message"] or "") == message
    assert parsed["ResponseMetadata"]["RequestId"] == ID
    if form == "query":
        assert parsed["Error"]["Type"] == ("Receiver" if status == 500 else "Sender")


@pytest.mark.parametrize(("service", "form"), [pair for pair in FORMS if pair[1] not in ("ec2", "query")])
def test_every_error_of_a_model_is_read_by_botocore_as_it_was_meant(service, form):
    model, protocol = form_model(service, form), SERVICES_UNDER_TEST.service(service).protocols[form]
    for shape in model.error_shapes:
        answer = protocol.refuse(AWSError(shape.name, "why it is", 404), ID)
        error = create_parser(form).parse(_raw(answer), None)
        assert error["Error"]["Message"] == "why it is"
        assert error["ResponseMetadata"]["RequestId"] == ID
        if "awsQueryCompatible" in model.metadata:
            code = dialects.of(service).query_codes.get(shape.name, shape.error_code)
            assert (error["Error"]["Code"], error["Error"]["QueryErrorCode"]) == (code, shape.name)
            assert (error["Error"]["Type"], answer.status) == ("Sender", 404)
        else:
            assert (error["Error"]["Code"], answer.status) == (shape.name, 400)


@given(text=st.text(st.characters(), max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_a_document(text):
    compiled = SERVICES_UNDER_TEST.service("autoscaling").operation("DescribeTags", "query")
    assert ET.fromstring(compiled.answer({"Tags": [{"Key": text}]}, ID).body) is not None
    for service, form in (("autoscaling", "query"), ("ec2", "ec2")):
        protocol = SERVICES_UNDER_TEST.service(service).protocols[form]
        ET.fromstring(protocol.refuse(AWSError(text, text), text).body)
