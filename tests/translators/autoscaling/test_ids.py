import pytest

from translators import arns
from translators.autoscaling import ids


@pytest.mark.parametrize("text", ["i-0123456789abcdef0", "i-0123abcd", "nonsense", "", "i-", "ami-0123456789abcdef0"])
def test_round(text):
    assert ids.instance(ids.server_of(text)) == text


def test_the_way_there():
    assert ids.servers_of(["i-0123456789abcdef0", "x"]) == ["0123456789abcdef0", "x"]
    assert ids.shown(arns.SUBNET, "0123456789abcdef0") == "subnet-0123456789abcdef0"
