"""Settings of the sources of metrics: what is chosen, in which order, and what cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from oslo_config import cfg

from backend.clock import SystemClock
from backend.commands import CannotDo
from backend.commands.opening import cloud_of
from backend.drivers.metric_sources import OF_POOLS, OF_SERVERS, Measure
from backend.drivers.prometheus_queries import PRESETS, CpuUnit
from backend.store.session import Store
from tests.backend.configured import configured

PROMETHEUS = "[metrics]\nsources = prometheus\n[prometheus]\nurl = https://prom.example:9090/x\n"


def sources(settings):
    store = Store("sqlite://", SystemClock())
    try:
        return [source.name for source in cloud_of(settings, store).sources]
    finally:
        store.close()


def test_nobody_is_asked_where_nothing_is_set_but_the_embedded_cloud(tmp_path):
    settings = configured(tmp_path, "")
    assert (settings.metric_sources, settings.prometheus, settings.engine.measure_all) == ((), None, False)
    assert sources(settings) == ["simulated"]


def test_a_prometheus_is_asked_before_the_embedded_cloud(tmp_path):
    settings = configured(tmp_path, f"{PROMETHEUS}preset = libvirt\ntoken = abc\n")
    assert sources(settings) == ["prometheus", "simulated"]
    found = settings.prometheus
    assert (found.address.authority, found.address.path) == ("prom.example:9090", "/x")
    assert found.authorization == "Bearer abc"
    assert found.queries == PRESETS["libvirt"]
    assert "abc" not in repr(found)


def test_a_query_of_ones_own_stands_in_the_place_of_the_presets(tmp_path):
    text = f'{PROMETHEUS}preset = none\ncpu_query = avg by (id) (cpu{{id=~"%servers%"}})\ncpu_label = id\ncpu_unit = cores\n'
    found = configured(tmp_path, text).prometheus.queries
    assert set(found) == {Measure.CPU}
    assert (found[Measure.CPU].label, found[Measure.CPU].unit) == ("id", CpuUnit.CORES)
    assert found[Measure.CPU].about(["a", "b"], "2m") == 'avg by (id) (cpu{id=~"a|b"})'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[metrics]\nsources = prometheus\n", "url is not set"),
        ("[prometheus]\nurl = prom:9090\n", "no URL"),
        ("[prometheus]\nurl = http://prom?x=1\n", "no URL"),
        (f"{PROMETHEUS}cpu_query = up\n", "go together"),
        (f"{PROMETHEUS}token = a\nusername = b\n", "one of them"),
        (f"{PROMETHEUS}token = ä\n", "no text"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, text, words):
    with pytest.raises(cfg.ConfigSourceValueError, match=words):
        configured(tmp_path, text)


@pytest.mark.parametrize("text", ["[metrics]\nsources = graphite\n", f"{PROMETHEUS}window = 2 minutes\n"])
def test_what_is_no_such_word(tmp_path, text):
    with pytest.raises((cfg.ConfigFileValueError, ValueError)):
        configured(tmp_path, text)


def test_a_source_that_the_cloud_has_not(tmp_path):
    with pytest.raises(CannotDo, match="gnocchi, which the simulated cloud has not"):
        sources(configured(tmp_path, "[metrics]\nsources = gnocchi\n"))


def test_the_manual_shows_what_can_be_set(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "openstack.md").read_text()
    shown = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    first, second = (each for each in shown if "[prometheus]" in each)
    settings = configured(tmp_path, first)
    assert (settings.metric_sources, set(settings.prometheus.queries)) == (
        ("prometheus", "gnocchi"),
        OF_SERVERS | OF_POOLS,
    )
    queries = configured(tmp_path, second).prometheus.queries
    assert set(queries) == {Measure.CPU, Measure.NETWORK_IN}
    assert '{mode="idle",uuid=~"a|b"}[2m]' in queries[Measure.CPU].about(["a", "b"], "2m")
