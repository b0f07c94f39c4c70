import pytest

from gateway.models import SERVICES, operation_model, service_model
from gateway.services import SCOPES, Services


def test_every_service_is_read_in_a_form_that_we_speak():
    assert {service: service_model(service).metadata["protocol"] for service in SERVICES} == dict.fromkeys(
        SERVICES, "query"
    ) | {"ec2": "ec2"}


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
    assert services.service("sts").operation("GetCallerIdentity") is services.service("sts").operation(
        "GetCallerIdentity"
    )
    assert services.service("sts").operation("MakeCoffee") is None


def test_every_service_has_a_scope():
    assert sorted(name for names in SCOPES.values() for name in names) == sorted(SERVICES)
