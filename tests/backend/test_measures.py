from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from backend import measures
from backend.engine import context
from backend.measures import PrometheusMeasures
from tests.factories import OTHER, SCOPE

PROJECT = {"project": SCOPE.project_id, "region": SCOPE.region}


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def kept(registry):
    return PrometheusMeasures(registry)


def test_what_an_engine_does_is_counted(kept, registry):
    kept.count("passes", 2)
    kept.count("unreached", 1)
    kept.step("new->Pending", 3)
    kept.refusal("DeleteServer", "NotAuthorized")
    kept.delegation_ended(SCOPE)
    value = registry.get_sample_value
    kept.lag("clusters", 7.5)
    assert value("coppice_engine_passes_total") == 2
    assert value("coppice_engine_lag_seconds", {"kind": "clusters"}) == 7.5
    assert value("coppice_engine_unreached_total") == 1
    assert value("coppice_engine_steps_total", {"kind": "new->Pending"}) == 3
    assert value("coppice_engine_refusals_total", {"act": "DeleteServer", "error": "NotAuthorized"}) == 1
    assert value("coppice_delegation_refusals_total", PROJECT) == 1


def test_a_project_refuses_until_it_does_no_more(kept, registry):
    kept.refusing([SCOPE, OTHER])
    assert registry.get_sample_value("coppice_delegation_refused", PROJECT) == 1
    kept.refusing([OTHER])
    assert registry.get_sample_value("coppice_delegation_refused", PROJECT) == 0
    kept.refusing([SCOPE, OTHER])
    assert registry.get_sample_value("coppice_delegation_refused", PROJECT) == 1


def test_requests_to_the_cloud_are_counted_and_timed(kept, registry):
    kept.exchanged("compute", "GET", "200", 0.3)
    kept.exchanged("compute", "GET", "none", 60.0)
    for status in ("200", "none"):
        labels = {"service": "compute", "method": "GET", "status": status}
        assert registry.get_sample_value("coppice_cloud_requests_total", labels) == 1
    seconds = {"service": "compute", "method": "GET"}
    assert registry.get_sample_value("coppice_cloud_request_seconds_sum", seconds) == pytest.approx(60.3)


def test_what_engines_count_is_known():
    """A name that no metric has would be a fault at each count, and only where real measures are kept."""
    engine = Path(context.__file__).parent
    texts = [path.read_text() for path in sorted(engine.rglob("*.py"))]
    calls = [call for text in texts for call in re.findall(r"context\.count\(([^\n]*)", text)]
    counted = {name for call in calls for name in re.findall(r'"([^"]+)"', call)}
    assert counted - set(measures._EVENTS) == set()
    assert not [text for text in texts if re.search(r'\.count\(f"', text)], "a name that is put together is in no table"
