from __future__ import annotations

from gateway.models import operation_model
from translators import load, registry


def test_every_answered_operation_is_one_of_the_model() -> None:
    assert load
    table = registry.supported()
    assert {"autoscaling", "ec2", "iam", "sts"} <= set(table)
    for service, names in table.items():
        for name in names:
            assert operation_model(service, name) is not None, f"{service}:{name}"


def test_loading_again_registers_nothing_twice() -> None:
    before = registry.supported()
    load.load()
    assert registry.supported() == before
