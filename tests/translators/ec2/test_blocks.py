"""Blocks of addresses as callers write them."""

from __future__ import annotations

import pytest

from translators.ec2 import blocks
from translators.errors import AWSError


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0:0::1/64", "2001:db8::/64"),
        ("::/0", "::/0"),
    ],
)
def test_a_block_without_its_host_bits(text: str, block: str) -> None:
    assert blocks.canonical(text) == block


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.1",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/0.255.255.255",
        "10.0.0/8",
        "fe80::%eth0/64",
        "::/129",
        "10.0.0.0/8/8",
        "10.0.0.0/8 ",
    ],
)
def test_what_is_none(text: str) -> None:
    assert blocks.canonical(text) is None
    with pytest.raises(AWSError) as refused:
        blocks.of_ipv4(text, "cidrBlock")
    words = f"Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
    assert (refused.value.code, refused.value.message) == ("InvalidParameterValue", words)


def test_one_of_ipv6_is_none_of_ipv4() -> None:
    assert blocks.of_ipv4("10.0.0.1/8", "cidrBlock") == "10.0.0.0/8"
    with pytest.raises(AWSError):
        blocks.of_ipv4("::/0", "cidrBlock")
    with pytest.raises(AWSError) as refused:
        blocks.of_ipv4("1" * 5000, "cidrBlock")
    assert len(refused.value.message) < 200
