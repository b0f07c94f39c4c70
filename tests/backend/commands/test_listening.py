"""Which buses are listened to, and what is said where that cannot be."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest
from oslo_config import cfg

import wsgi
from backend.commands import CannotDo, listening
from backend.commands.listening import buses
from backend.engine.bell import Bell
from backend.event_options import EventSettings
from tests.backend.configured import configured


def settings(tmp_path, text, driver="openstack"):
    return configured(tmp_path, f"[cloud]\ndriver = {driver}\n[events]\n{text}\n")


def test_each_region_has_a_bus_and_a_url_may_name_many_brokers(tmp_path):
    urls = "one=rabbit://u:p@a:5672,u:p@b:5672/?ssl=1 two=rabbit://u:p@c/two"
    found = buses(settings(tmp_path, f"urls = {urls}\ntopics = nova:versioned_notifications"), ["one", "two"])
    assert [(each.region, each.url, each.topics, each.pool) for each in found] == [
        ("one", "rabbit://u:p@a:5672,u:p@b:5672/?ssl=1", (("nova", "versioned_notifications"),), "coppice"),
        ("two", "rabbit://u:p@c/two", (("nova", "versioned_notifications"),), "coppice"),
    ]
    assert not [each for each in found if "u:p" in repr(each)], "a URL holds a password"


def test_of_the_only_region_the_url_is_enough(tmp_path):
    chosen = settings(tmp_path, "urls = rabbit://u:p@a/")
    assert [each.region for each in buses(chosen, ["one", "one"])] == ["one"]
    assert "u:p" not in repr(chosen)
    with pytest.raises(CannotDo, match=r"^\[events\] urls has to say of which region each is: one, two$"):
        buses(chosen, ["two", "one"])


@pytest.mark.parametrize(
    ("urls", "driver", "told"),
    [
        ({}, "openstack", "[events] urls is not set: it says where the cloud's services tell what happens"),
        ({"far": "rabbit://a/"}, "openstack", "[events] urls names far, and these are served: one"),
        ({"": "rabbit://a/"}, "simulated", "the embedded cloud has no bus: its engine sees at once what happens there"),
    ],
)
def test_what_cannot_be_listened_to_is_told_in_a_sentence(tmp_path, urls, driver, told):
    chosen = replace(settings(tmp_path, "", driver), events=EventSettings(urls))
    with pytest.raises(CannotDo) as refused:
        buses(chosen, ["one"])
    assert str(refused.value) == told


@pytest.mark.parametrize(
    "text",
    [
        "urls = one=nothing",
        "urls = rabbit://a/ rabbit://b/",
        "urls = x=rabbit://a x=rabbit://b",
        "urls = rabbit://u:pa/ss@a/",
        "urls = rabbit://u:123/ss@a/",
        "urls = rabbit://u:123?ss@a/",
        "urls = one=rabbit://u:p@b,u:1#ss@a/",
        "topics = nova",
        "topics = nova:",
    ],
)
def test_settings_that_say_nothing_are_refused_without_their_passwords(tmp_path, text):
    with pytest.raises(cfg.ConfigSourceValueError, match=r"^\[events\] (urls|topics): "):
        settings(tmp_path, text)


def test_the_command_is_refused_on_the_embedded_cloud(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["listen"]) == 1
    assert "The listener cannot start: the embedded cloud has no bus" in caplog.text


def test_a_bus_that_cannot_be_heard_ends_the_listener_with_a_status_of_its_own():
    bell = Bell()
    stop = listening._Stop(bell)
    assert (stop.is_set(), stop.status) == (False, 0)
    stop.give_up()
    assert (stop.is_set(), stop.status) == (True, 1)
    assert bell.wait(0), "whoever waits is woken"


def test_a_word_to_read_settings_again_ends_no_listener():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    stop = listening._Stop(Bell())
    try:
        stop.heed()
        os.kill(os.getpid(), signal.SIGHUP)
        assert not stop.is_set()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
