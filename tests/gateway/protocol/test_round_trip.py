"""Every operation and shape of every service, both ways, against botocore's own serializer and parser."""

from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limits import Limits
from gateway.models import SERVICES, service_model
from gateway.protocol.form import pairs, tree
from gateway.services import Services
from tests.gateway.samples import Samples
from translators.errors import AWSError

LIMITS = Limits()
SERVICES_UNDER_TEST = Services()
ROUNDS = {"ec2": 2, "autoscaling": 20}
ID = "0f0e0d0c-1111-2222-3333-444455556666"


def _operations(service):
    model = service_model(service)
    return [model.operation_model(name) for name in model.operation_names]


def _samples(operation, shape, **options):
    """A value with every member of every shape, then some with fewer."""
    if shape is None:
        return [{}]
    rounds = range(ROUNDS.get(operation.service_model.service_name, 8))
    full = Samples(operation.name, full=True, **options).of(shape)
    return [full, *(Samples(f"{operation.name} {seed}", **options).of(shape) for seed in rounds)]


def _requested(operation, params):
    """The parameters as they arrive: what botocore sends, read by our parser."""
    protocol = operation.service_model.metadata["protocol"]
    body = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)["body"]
    form = pairs(urlencode(body).encode(), LIMITS)
    assert form.pop("Action") == operation.name
    assert form.pop("Version") == operation.service_model.metadata["apiVersion"]
    compiled = SERVICES_UNDER_TEST.service(operation.service_model.service_name).operation(operation.name)
    return compiled.parse(tree(form, LIMITS))


def _answered(operation, result):
    """The result as it arrives: what our serializer sends, read by botocore's parser."""
    compiled = SERVICES_UNDER_TEST.service(operation.service_model.service_name).operation(operation.name)
    body = compiled.serialize(result, ID)
    ET.fromstring(body)
    parser = create_parser(operation.service_model.metadata["protocol"])
    parsed = parser.parse({"status_code": 200, "headers": {}, "body": body}, operation.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == ID
    return parsed


def _sendable(value, *, empty_lists):
    """What is left of parameters on the wire: the ec2 form has no way to say an empty list."""
    if isinstance(value, dict):
        kept = {key: _sendable(item, empty_lists=empty_lists) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item != {} and (empty_lists or item != [])}
    if isinstance(value, list):
        kept = [_sendable(item, empty_lists=empty_lists) for item in value]
        return [item for item in kept if item != {} and item != []]
    return value


@pytest.mark.parametrize("service", SERVICES)
def test_requests_of_botocore_are_read_as_they_were_meant(service):
    for operation in _operations(service):
        for sample in _samples(operation, operation.input_shape):
            params = _sendable(sample, empty_lists=service != "ec2")
            assert _requested(operation, params) == params, operation.name


@pytest.mark.parametrize("service", SERVICES)
def test_answers_are_read_by_botocore_as_they_were_meant(service):
    for operation in _operations(service):
        for result in _samples(operation, operation.output_shape, empty_structures=True):
            assert _answered(operation, result) == result, operation.name


@pytest.mark.parametrize("service", SERVICES)
def test_every_shape_of_every_service_is_a_tree(service):
    def walk(shape, above):
        assert shape.name not in above
        inner = above | {shape.name}
        for child in getattr(shape, "members", {}).values():
            walk(child, inner)
        for part in ("member", "key", "value"):
            if shape.type_name in ("list", "map") and hasattr(shape, part):
                walk(getattr(shape, part), inner)

    # One walk of the definitions is enough: a cycle would be met from any operation that reaches it.
    for operation in _operations(service)[:: 10 if service == "ec2" else 1]:
        for shape in (operation.input_shape, operation.output_shape):
            if shape is not None:
                walk(shape, frozenset())


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=20
)


@given(name=TEXT, tags=st.lists(st.fixed_dictionaries({"Key": TEXT, "Value": TEXT}), max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_text_arrives(name, tags):
    params = {"AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 1, "Tags": tags}
    operation = service_model("autoscaling").operation_model("CreateAutoScalingGroup")
    assert _requested(operation, params) == params


@given(names=st.lists(XML_TEXT, max_size=5), service=st.sampled_from(("autoscaling", "ec2")))
@settings(max_examples=50, deadline=None)
def test_any_text_that_xml_can_carry_is_answered(names, service):
    if service == "ec2":
        operation = service_model("ec2").operation_model("DescribeRegions")
        result = {"Regions": [{"RegionName": name} for name in names]}
    else:
        operation = service_model("autoscaling").operation_model("DescribeTags")
        result = {"Tags": [{"Key": name, "ResourceId": name} for name in names]}
    assert _answered(operation, result) == result


@given(
    code=XML_TEXT.filter(bool),
    message=XML_TEXT,
    service=st.sampled_from(SERVICES),
    status=st.sampled_from((400, 403, 500)),
)
@settings(max_examples=100, deadline=None)
def test_errors_are_read_by_botocore_as_they_were_meant(code, message, service, status):
    error = AWSError(code, message, status)
    body = SERVICES_UNDER_TEST.service(service).wire.error(error, ID)
    protocol = service_model(service).metadata["protocol"]
    parsed = create_parser(protocol).parse({"status_code": status, "headers": {}, "body": body}, None)
    assert parsed["Error"]["Code"] == code
    assert (parsed["Error"]["Message"] or "") == message
    assert parsed["ResponseMetadata"]["RequestId"] == ID
    if protocol == "query":
        assert parsed["Error"]["Type"] == ("Receiver" if status == 500 else "Sender")


@given(text=st.text(st.characters(), max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_a_document(text):
    operation = service_model("autoscaling").operation_model("DescribeTags")
    compiled = SERVICES_UNDER_TEST.service("autoscaling").operation("DescribeTags")
    root = ET.fromstring(compiled.serialize({"Tags": [{"Key": text}]}, ID))
    assert root is not None
    assert operation.name == compiled.name
    for service in ("autoscaling", "ec2"):
        ET.fromstring(SERVICES_UNDER_TEST.service(service).wire.error(AWSError(text, text), text))
