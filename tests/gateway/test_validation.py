import pytest

from gateway.models import SERVICES, operation_model, service_model
from gateway.patterns import compiled
from gateway.services import Services
from gateway.validation import NOT_REQUIRED, SELF_CHECKED, UNMODELLED, sentence

ALL = Services()


def compiled_operation(service, name):
    found = ALL.service(service)
    return found.operation(name, next(iter(found.protocols)))


def failures(service, operation, params):
    found = []
    check = compiled_operation(service, operation).check
    if check is not None:
        check(params, "", found)
    return found


def words(service, operation, params):
    return sentence(failures(service, operation, params))


def refused(service, operation, params):
    error = ALL.service(service).dialect.invalid(failures(service, operation, params))
    return error.code, error.message


GROUP = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1}


def test_a_sound_request_passes():
    assert failures("autoscaling", "CreateAutoScalingGroup", GROUP) == []


@pytest.mark.parametrize(
    ("params", "clause"),
    [
        (
            {"AutoScalingGroupName": "x" * 256},
            "Value '{0}' at 'autoScalingGroupName' failed to satisfy constraint: Member must have length less than or equal to 255",
        ),
        (
            {"AutoScalingGroupName": "a\x01"},
            "Value '{0}' at 'autoScalingGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*",
        ),
        (
            {"Tags": [{"Key": "", "Value": "v"}]},
            "Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            {"Tags": [{"Key": "k"}, {"Value": "v"}]},
            "Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"DeletionProtection": "maybe"},
            "Value 'maybe' at 'deletionProtection' failed to satisfy constraint: Member must satisfy enum value set: [none, prevent-force-deletion, prevent-all-deletion]",
        ),
        (
            {"InstanceMaintenancePolicy": {"MinHealthyPercentage": 101}},
            "Value '101' at 'instanceMaintenancePolicy.minHealthyPercentage' failed to satisfy constraint: Member must have value less than or equal to 100",
        ),
    ],
)
def test_each_kind_of_constraint_in_aws_words(params, clause):
    value = params.get("AutoScalingGroupName", "")
    assert words(
        "autoscaling", "CreateAutoScalingGroup", {**GROUP, **params}
    ) == "1 validation error detected: " + clause.replace("{0}", value)


def test_elements_of_a_list_of_texts_are_told_with_all_their_constraints():
    assert words(
        "autoscaling",
        "DetachInstances",
        {"AutoScalingGroupName": "g", "ShouldDecrementDesiredCapacity": True, "InstanceIds": ["i-1", "i-" + "0" * 20]},
    ) == (
        "1 validation error detected: Value '[i-1, i-00000000000000000000]' at 'instanceIds' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must have length less than or equal to 19, Member must have length greater than or equal to 1, "
        "Member must satisfy regular expression pattern: [\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*]"
    )


def test_many_failures_are_told_together():
    told = words("autoscaling", "CreateAutoScalingGroup", {"MaxSize": -1})
    assert told.startswith("3 validation errors detected: Value null at 'autoScalingGroupName' failed")
    assert told.count("; ") == 2


def test_of_very_many_failures_the_first_are_told():
    told = words("autoscaling", "CreateAutoScalingGroup", {**GROUP, "Tags": [{"Key": ""}] * 3000})
    assert told.startswith("3000 validation errors detected: ")
    assert told.count("; ") == 99


def test_maps_and_secrets():
    told = words("events", "PutRule", {})
    assert (
        told
        == "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
    )
    secret = words("iam", "CreateLoginProfile", {"UserName": "u", "Password": ""})
    assert "Value at 'password' failed" in secret


def test_long_values_are_cut():
    assert len(words("autoscaling", "CreateAutoScalingGroup", {**GROUP, "AutoScalingGroupName": "x" * 10**6})) < 1500


def test_ec2_has_its_own_codes():
    assert refused("ec2", "DeleteTags", {}) == (
        "MissingParameter",
        "The request must contain the parameter resourceIdSet",
    )
    assert refused("ec2", "CreateTags", {"Resources": ["i-1"]}) == (
        "MissingParameter",
        "The request must contain the parameter Tag",
    )
    assert refused("ec2", "DescribeCarrierGateways", {"MaxResults": 4}) == (
        "InvalidParameterValue",
        "Value (4) for parameter maxResults is invalid. Member must have value greater than or equal to 5.",
    )


def test_lengths_of_lists():
    dimensions = [{"Name": f"n{n}", "Value": "v"} for n in range(31)]
    metric = {"Namespace": "n", "MetricData": [{"MetricName": "m", "Dimensions": dimensions}]}
    told = words("cloudwatch", "PutMetricData", metric)
    assert told.startswith("1 validation error detected: Value '[{Name=n0, Value=v}, ")
    assert told.endswith(
        "at 'metricData.1.member.dimensions' failed to satisfy constraint: Member must have length less than or equal to 30"
    )


def test_what_terraform_sends_empty_passes():
    mixed = {
        "InstancesDistribution": {"SpotMaxPrice": ""},
        "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "web"}},
    }
    assert failures("autoscaling", "CreateAutoScalingGroup", {**GROUP, "MixedInstancesPolicy": mixed}) == []
    assert (
        failures("ec2", "CreateLaunchTemplate", {"LaunchTemplateName": "web", "LaunchTemplateData": {"UserData": ""}})
        == []
    )
    assert failures("autoscaling", "CreateLaunchConfiguration", {"LaunchConfigurationName": "l", "UserData": ""}) == []


def test_a_hundred_names_and_unknown_instance_types_pass():
    assert (
        failures("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [f"g{n}" for n in range(100)]})
        == []
    )
    assert failures("ec2", "DescribeInstanceTypes", {"InstanceTypes": ["gpu.enormous"]}) == []


def test_exceptions_name_shapes_that_exist():
    for service, shape in (*SELF_CHECKED, *UNMODELLED):
        assert shape in service_model(service).shape_names
    for service, shape, member in NOT_REQUIRED:
        assert member in service_model(service).shape_for(shape).required_members


def test_states_of_a_warm_pool_are_told_in_the_service_s_order():
    (found,) = failures("autoscaling", "PutWarmPool", {"AutoScalingGroupName": "web", "PoolState": "x"})
    assert found.expectation == "Member must satisfy enum value set: [Stopped, Hibernated, Running]"


@pytest.mark.parametrize("service", SERVICES)
def test_every_check_compiles_and_takes_an_empty_request(service):
    for name in service_model(service).operation_names:
        operation = compiled_operation(service, name)
        required = operation_model(service, name).input_shape
        found = failures(service, name, {})
        assert {failure.expectation for failure in found} <= {"Member must not be null"}
        needed = {
            member
            for member in (required.required_members if required else ())
            if (service, required.name, member) not in NOT_REQUIRED
        }
        assert len(found) == len(needed), operation.name


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "a\U0001f600\r\n", "\x00"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "", "\ufffe"),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", "Größe ²\u2028x", "a!"),
        (r"[\w+=,.@-]+", "user@x", "ü"),
        (r"\d{12}", "123456789012", "١٢٣٤٥٦٧٨٩٠١٢"),
        (r"^[a-z]+$", "abc", "abc\n"),
        (r"[\w-\/.]+", "a-b/c.d", "a b"),
        (r"[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]+", "a €", "\t"),
    ],
)
def test_java_patterns(pattern, good, bad):
    assert compiled(pattern).fullmatch(good)
    assert not compiled(pattern).fullmatch(bad)
