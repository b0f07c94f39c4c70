import logging

from prometheus_client import CollectorRegistry

from gateway.request_log import Record, RequestLog, metrics_text

GOOD = Record("r-1", "autoscaling", "DescribeTags", "123456789012", "us-east-1", 200, "", 0.0125)


def test_one_line_each(caplog):
    tell = RequestLog(registry=CollectorRegistry())
    with caplog.at_level(logging.INFO, "coppice.requests"):
        tell(GOOD)
        tell(Record("r-2", "", "", "", "", 500, "InternalFailure", 1.0))
    assert caplog.messages == [
        "request=r-1 account=123456789012 region=us-east-1 action=autoscaling:DescribeTags status=200 code=- ms=12.50",
        "request=r-2 account=- region=- action=-:- status=500 code=InternalFailure ms=1000.00",
    ]
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.WARNING]


def test_counts_by_operation_and_code(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    registry = CollectorRegistry()
    tell = RequestLog(registry=registry)
    tell(GOOD)
    tell(GOOD)
    text = tell.metrics_text()
    assert text == metrics_text(registry)
    assert 'coppice_requests_total{code="",operation="DescribeTags",service="autoscaling",status="200"} 2.0' in text
    assert 'coppice_request_seconds_bucket{le="0.025",operation="DescribeTags",service="autoscaling"} 2.0' in text
    assert 'coppice_request_seconds_bucket{le="0.01",operation="DescribeTags",service="autoscaling"} 0.0' in text


def test_where_the_place_of_all_counts_has_gone_a_process_tells_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
    tell = RequestLog(registry=CollectorRegistry())
    tell(GOOD)
    assert 'status="200"} 1.0' in tell.metrics_text()
