from __future__ import annotations

import json

import pytest

import wsgi
from backend.clock import SystemClock
from backend.commands import offers, opening
from backend.domain.scope import Scope
from backend.drivers.images import NewImage
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
        (["image", "add", AMI, "--size", "0"], "0 GiB are not possible: 1 to 16384"),
        (["image", "add", AMI, "--size", "16385"], "16385 GiB are not possible"),
        (["image", "add", AMI, "--name", "a+b"], "a name has 3 to 128 letters"),
        (["image", "add", AMI, "--name", "x" * 129], "a name has 3 to 128 letters"),
        (["type", "add", "t3.micro", "--vcpus", "1", "--memory-mib", "1"], "t3.micro is a type of AWS's own"),
        (["type", "drop", "my.big"], "there is no own type my.big"),
    ],
)
def test_what_cannot_be_is_told(simulated, words, told, capsys):
    assert wsgi.main(words) == 1
    assert f"Nothing was changed: {told}" in capsys.readouterr().err


def private(simulated, region="us-east-1"):
    return [each for each in simulated.projects.images(Scope("embedded", region)) if not each.public]


def test_an_id_that_is_a_public_image_s_is_refused_in_every_region_or_none(simulated, capsys):
    public = simulated.projects.images(Scope("embedded", "eu-west-1"))[0]
    words = ["image", "add", f"ami-{public.short_id}", "--region", "us-east-1", "--region", "eu-west-1"]
    for gone in (False, True):
        if gone:  # it may come back
            simulated.projects.withdraw_image(public.id)
        assert wsgi.main(words) == 1
        assert f"ami-{public.short_id} is an image in eu-west-1 already, a public one" in capsys.readouterr().err
        assert private(simulated) == []


def test_what_an_account_has_registered_is_not_written_over(simulated, capsys):
    scope = Scope("embedded", "us-east-1")
    made = simulated.projects.make_image(scope, NewImage("mine"), 10)
    assert wsgi.main(["image", "add", f"ami-{made.short_id}"]) == 1
    assert "registered by its account" in capsys.readouterr().err
    assert wsgi.main(["image", "add", AMI, "--name", "mine"]) == 1
    assert f"ami-{made.short_id} in us-east-1 has the name mine" in capsys.readouterr().err
    assert private(simulated) == [made]


def test_what_was_added_is_made_anew_where_no_more_fit(simulated, monkeypatch, capsys):
    monkeypatch.setattr(offers, "MOST", 1)
    for _ in range(2):
        assert wsgi.main(["image", "add", AMI]) == 0
    assert wsgi.main(["image", "add", AMI.replace("0", "1")]) == 1
    assert "The project has 1 images" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["image", "list"], ["image", "add", AMI], ["type", "list"], ["type", "drop", "x.y"]])
def test_on_a_cloud_both_are_the_cloud_s(simulated, monkeypatch, words, capsys):
    monkeypatch.setenv("OS_CLOUD__DRIVER", "openstack")
    assert wsgi.main(words) == 1
    assert "images and types are the cloud's: openstack image create" in capsys.readouterr().err
