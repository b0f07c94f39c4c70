"""ListMetrics: the names of what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from backend.domain.metrics import Metric, metric
from backend.store.metrics import MetricQuery
from translators import paging
from translators.registry import Call, Result, operation

_PAGE: Final = 500
_RECENTLY: Final = timedelta(hours=3)


@operation("cloudwatch", "ListMetrics")
def list_metrics(call: Call) -> Result:
    """Accounts are not linked with each other: there is the caller's own alone, and nothing of any other."""
    params, after = call.params, None
    if token := params.get("NextToken"):
        after = tuple(paging.decode(token, call.operation, paging.binding(call), "cloudwatch", like=["", "", ""]))
    linked = bool(params.get("IncludeLinkedAccounts"))
    if params.get("OwningAccount") not in {None, call.account_id}:
        return {"Metrics": []}
    query = MetricQuery(
        params.get("Namespace"),
        params.get("MetricName"),
        [(each["Name"], each.get("Value")) for each in params.get("Dimensions") or ()],
        call.backend.metrics.now() - _RECENTLY if params.get("RecentlyActive") else None,
    )
    page = call.backend.metrics.page(call.scope, query, _PAGE, after)
    more = {}
    if page.marker is not None:
        last, key = page.items[-1]
        more["NextToken"] = paging.encode(call.operation, [last.namespace, last.name, key], paging.binding(call))
    owners = {"OwningAccounts": [call.account_id] * len(page.items)} if linked else {}
    return {"Metrics": [told(metric) for metric, _ in page.items], **owners, **more}


def told(metric: Metric) -> Mapping[str, Any]:
    """A metric as answers name it."""
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def named(params: Mapping[str, Any]) -> Metric:
    """The metric that a request names."""
    dimensions = [(each["Name"], each["Value"]) for each in params.get("Dimensions") or ()]
    return metric(params["Namespace"], params["MetricName"], dimensions)
