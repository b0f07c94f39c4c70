from __future__ import annotations

import json

import pytest

import wsgi
from backend.clock import SystemClock
from backend.commands import opening
from backend.domain.scope import Scope
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings

AMI = "ami-0abcdef1234567890"


@pytest.fixture
def simulated(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    settings = SimulatedSettings(any_region=True)
    simulated = SimulatedCloud.open(str(tmp_path / opening.CLOUD_FILE), SystemClock(), settings)
    yield simulated
    simulated.close()


def test_an_image_of_any_id_is_added_to_an_account_in_regions(simulated, capsys):
    words = ["image", "add", AMI, "--region", "us-east-1", "--region", "eu-west-1", "--platform", "windows"]
    for _ in range(2):  # given again it is the same
        assert wsgi.main(words) == 0
    assert capsys.readouterr().out.startswith(f"Image {AMI} is default's in us-east-1, eu-west-1.\n")
    for region in ("us-east-1", "eu-west-1"):
        (image,) = [each for each in simulated.projects.images(Scope("embedded", region)) if not each.public]
        assert (f"ami-{image.short_id}", image.platform) == (AMI, "windows")
    assert [each for each in simulated.projects.images(Scope("embedded", "us-west-2")) if not each.public] == []
    assert [each for each in simulated.projects.images(Scope("123456789012", "us-east-1")) if not each.public] == []
    assert wsgi.main(["image", "list", "-o", "json"]) == 0
    assert AMI in [each["image"] for each in json.loads(capsys.readouterr().out)]


def test_a_type_is_added_listed_and_dropped(simulated, capsys):
    assert wsgi.main(["type", "add", "my.big", "--vcpus", "3", "--memory-mib", "3000"]) == 0
    assert capsys.readouterr().out == "Type my.big has 3 vCPUs and 3000 MiB, in every zone.\n"
    assert wsgi.main(["type", "list", "-o", "json"]) == 0
    wanted = [{"name": "my.big", "vcpus": 3, "memory_mib": 3000, "architecture": "x86_64"}]
    assert json.loads(capsys.readouterr().out) == wanted
    assert wsgi.main(["type", "drop", "my.big"]) == 0
    assert simulated.flavors.all() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["image", "add", "ami-12345678"], "ami-12345678 is no id of an image"),
        (["image", "add", AMI, "--account", "nobody"], "there is no account nobody"),
        (["image", "add", AMI, "--region", "mars"], "there is no region mars"),
        (["type", "add", "t3.micro", "--vcpus", "1", "--memory-mib", "1"], "t3.micro is a type of AWS's own"),
        (["type", "drop", "my.big"], "there is no own type my.big"),
    ],
)
def test_what_cannot_be_is_told(simulated, words, told, capsys):
    assert wsgi.main(words) == 1
    assert f"Nothing was changed: {told}" in capsys.readouterr().err
