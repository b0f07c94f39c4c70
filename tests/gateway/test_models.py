import pytest

from gateway.models import SERVICES, is_global, metadata, operation_model, scopes, service_model
from gateway.services import Services


@pytest.mark.parametrize("service", SERVICES)
def test_the_head_of_a_model_tells_its_metadata(service):
    assert metadata(service) == service_model(service).metadata


def test_documentation_is_left_out():
    model = service_model("autoscaling")
    assert model.documentation == ""
    assert model.operation_model("DescribeTags").documentation == ""


def test_unknown_names():
    assert operation_model("sts", "MakeCoffee") is None
    with pytest.raises(KeyError):
        service_model("s3")


def test_a_service_is_loaded_and_an_operation_compiled_once():
    services = Services()
    assert services.service("sts") is services.service("sts")
    sts = services.service("sts")
    assert sts.operation("GetCallerIdentity", "query") is sts.operation("GetCallerIdentity", "query")
    assert sts.operation("MakeCoffee", "query") is None


def test_scopes_are_what_requests_are_signed_for():
    assert scopes() == {
        "autoscaling": ("autoscaling",),
        "ec2": ("ec2",),
        "sts": ("sts",),
        "elasticloadbalancing": ("elbv2", "elb"),
        "iam": ("iam",),
        "sns": ("sns",),
        "monitoring": ("cloudwatch",),
        "sqs": ("sqs",),
        "ssm": ("ssm",),
        "events": ("events",),
    }
    assert {service for service in SERVICES if is_global(service)} == {"iam", "sts"}
