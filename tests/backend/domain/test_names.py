from __future__ import annotations

import pytest

from backend.domain.names import Names


@pytest.mark.parametrize(
    ("names", "region", "private", "public"),
    [
        (Names(), "us-east-1", "ip-10-0-0-7.ec2.internal", ""),
        (Names(), "eu-west-1", "ip-10-0-0-7.eu-west-1.compute.internal", ""),
        (Names("{region}.in.example", "ex.example"), "r1", "ip-10-0-0-7.r1.in.example", "ec2-203-0-113-9.ex.example"),
    ],
)
def test_names(names: Names, region: str, private: str, public: str) -> None:
    assert names.of_private("10.0.0.7", region) == private
    assert names.of_public("203.0.113.9", region) == public


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("", "web-ab.r1.elb.internal"),
        ("{dashed_address}.lb.example", "10-0-0-7.lb.example"),
        ("{address}", "10.0.0.7"),
        ("{name}.{region}.{other}", "web.r1.{other}"),
    ],
)
def test_names_of_balancers(form, name):
    assert Names(balancers=form).of_balancer("Web", "ab", "r1", "10.0.0.7") == name
