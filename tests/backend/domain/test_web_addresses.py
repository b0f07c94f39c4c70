"""Which addresses callers may have spoken to, and how they write them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from backend.domain.web_addresses import WebAddress, may_be_told, shown, web_address


@pytest.mark.parametrize("text", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_the_internet(text):
    assert may_be_told(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "fec0::1",
        "feff::1",
        "64:ff9b:1::5db8:d822",
        "64:ff9b:1:a9fe:a9:fe00::",
        "192.88.99.1",
        "2002:c058:6301::",
    ],
)
def test_what_is_inside(text):
    assert not may_be_told(ip_address(text))


def test_the_operator_allows_networks_but_nothing_link_local():
    allowed = [ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"), ip_network("169.254.0.0/16"), ip_network("::/0")]
    assert may_be_told(ip_address("10.1.2.3"), allowed)
    assert may_be_told(ip_address("::ffff:10.1.2.3"), allowed)
    assert may_be_told(ip_address("127.0.0.1"), allowed)
    assert not may_be_told(ip_address("192.168.0.1"), allowed)
    assert not may_be_told(ip_address("169.254.169.254"), allowed)
    assert not may_be_told(ip_address("fe80::1"), allowed)
    assert not may_be_told(ip_address("fd00:ec2::254"), allowed)
    assert not may_be_told(ip_address("64:ff9b:1::a01:203"), allowed)
    assert may_be_told(ip_address("fd00:ec2::1"), allowed)
    assert may_be_told(ip_address("fec0::1"), allowed)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://example.com", WebAddress("https", "example.com", 443, "/")),
        ("http://example.com:8080/a?b=c#d", WebAddress("http", "example.com", 8080, "/a?b=c")),
        ("https://[2606::1]:8443/", WebAddress("https", "2606::1", 8443, "/")),
    ],
)
def test_urls(text, parts):
    assert web_address(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "ftp://example.com",
        "https://",
        "https://user:pw@example.com",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://exa\u00e4mple.com/",
        "https://[x/",
        "arn:aws:sqs:us-east-1:1:q",
    ],
)
def test_what_is_no_url(text):
    assert web_address(text) is None


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("https://hooks.example/services/T0/B0/secret?token=x#y", "https://hooks.example"),
        ("http://hooks.example:8080/secret", "http://hooks.example:8080"),
        ("HTTPS://hooks.example/secret", "https://hooks.example"),
        ("https://user:secret@hooks.example/", "https:"),
        ("https:secret", "https:"),
        ("arn:aws:sqs:us-east-1:1:q", "arn:aws:sqs:us-east-1:1:q"),
        ("log:", "log:"),
        ("", ""),
    ],
)
def test_of_a_url_nothing_is_shown_that_may_be_a_secret(target, told):
    assert shown(target) == told
