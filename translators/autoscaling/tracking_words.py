"""What a target tracking policy tracks, in AWS's words, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import MINUTE, UNITS, is_statistic
from backend.domain.tracking import Predefined, Tracking
from translators.autoscaling.errors import validation
from translators.cloudwatch.alarm_words import check_metrics, check_queries
from translators.cloudwatch.listing import named
from translators.cloudwatch.listing import told as metric_told

_PERIODS: Final = (10, 30, MINUTE)
_WHERE: Final = "targetTrackingConfiguration.customizedMetricSpecification"


def wanted(params: Mapping[str, Any]) -> Tracking:
    """What a request tracks.

    Raises:
        AWSError
    """
    given = params.get("TargetTrackingConfiguration")
    if given is None:
        # unsourced
        raise validation("TargetTrackingConfiguration must be specified for policy type: TargetTrackingScaling")
    predefined, customized = given.get("PredefinedMetricSpecification"), given.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        # unsourced
        raise validation("You must specify either a PredefinedMetricSpecification or a CustomizedMetricSpecification.")
    target, no_scale_in = given["TargetValue"], bool(given.get("DisableScaleIn"))
    if predefined is not None:
        kind, label = Predefined(predefined["PredefinedMetricType"]), predefined.get("ResourceLabel")
        if label is not None and kind is not Predefined.REQUESTS:
            raise validation(f"ResourceLabel is not supported for predefined metric type {kind}")  # unsourced
        return Tracking(target, no_scale_in, kind, label)
    if customized.get("Metrics"):
        return _of_queries(target, no_scale_in, customized)
    for member in ("MetricName", "Namespace", "Statistic"):
        if customized.get(member) is None:
            raise _null(f"{_WHERE}.{member[0].lower()}{member[1:]}")
    period = customized.get("Period")
    stat = MetricStat(named(customized), _period(period), customized["Statistic"], _unit(customized.get("Unit")))
    return Tracking(target, no_scale_in, stat=stat, periods_given=("",) if period is not None else ())


def _null(where: str) -> Any:
    return validation(
        f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: Member must not be null"
    )


def _of_queries(target: float, no_scale_in: bool, given: Mapping[str, Any]) -> Tracking:
    check_metrics(given, ("MetricName", "Namespace", "Dimensions", "Statistic", "Unit", "Period"))  # unsourced here
    queries = tuple(query(each) for each in given["Metrics"])
    # Source of the beginning: badmintoncryer/cdk-preflight.
    check_queries(queries, "Unable to create alarms in CloudWatch: ")
    return Tracking(target, no_scale_in, queries=queries, periods_given=_given(given["Metrics"]))


def _given(queries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    own = (each["Id"] for each in queries if each.get("Period") is not None)
    return (*own, *(f"{each['Id']}:" for each in queries if (each.get("MetricStat") or {}).get("Period") is not None))


def query(given: Mapping[str, Any], default: int = MINUTE) -> Query:
    """One metric data query of a policy.

    Args:
        default: seconds, the period where none is given.

    Raises:
        AWSError
    """
    stat, expression, read = given.get("MetricStat"), given.get("Expression"), None
    if (stat is None) == (expression is None):
        # unsourced
        raise validation(f"Exactly one of MetricStat and Expression must be specified for {given['Id']}.")
    if stat is not None:
        if not is_statistic(stat["Stat"]):
            raise validation(f"The value {stat['Stat']} for parameter Stat is not supported.")  # unsourced
        read = MetricStat(
            named(stat["Metric"]), _period(stat.get("Period"), default), stat["Stat"], _unit(stat.get("Unit"))
        )
    returned = given.get("ReturnData")
    searched = _period(given.get("Period"), default) if expression is not None else None
    return Query(given["Id"], read, expression, given.get("Label"), True if returned is None else returned, searched)


def _period(given: int | None, default: int = MINUTE) -> int:
    if given is not None and given not in _PERIODS:
        raise validation("Period must be 10, 30 or 60")  # unsourced
    return default if given is None else given


def _unit(given: str | None) -> str | None:
    if given is not None and given not in UNITS:
        raise validation(f"Unit {given} is not supported.")  # unsourced
    return given


def told(tracking: Tracking) -> dict[str, Any]:
    """A TargetTrackingConfiguration."""
    members: dict[str, Any] = {"TargetValue": tracking.target, "DisableScaleIn": tracking.no_scale_in}
    if tracking.predefined is not None:
        label = {} if tracking.label is None else {"ResourceLabel": tracking.label}
        kind = {"PredefinedMetricType": str(tracking.predefined), **label}
        return {**members, "PredefinedMetricSpecification": kind}
    if tracking.stat is None:
        # Source: conformance/recorded aas/metric_math: an empty list of dimensions, and no period that was not given.
        queries = [query_told(each, tracking.periods_given) for each in tracking.queries]
        return {**members, "CustomizedMetricSpecification": {"Dimensions": [], "Metrics": queries}}
    stat = tracking.stat
    customized: dict[str, Any] = {**metric_told(stat.metric), "Statistic": stat.statistic}
    if stat.unit is not None:
        customized["Unit"] = stat.unit
    if "" in tracking.periods_given:
        customized["Period"] = stat.period
    return {**members, "CustomizedMetricSpecification": customized}


def query_told(asked: Query, periods_given: Sequence[str] = ()) -> dict[str, Any]:
    """A metric data query of a policy, with those periods alone that were given."""
    members: dict[str, Any] = {
        "Id": asked.id,
        "Expression": asked.expression,
        "Label": asked.label,
        "Period": asked.period if asked.id in periods_given else None,
        "ReturnData": asked.returned,
    }
    if (stat := asked.stat) is not None:
        unit = {} if stat.unit is None else {"Unit": stat.unit}
        period = {"Period": stat.period} if f"{asked.id}:" in periods_given else {}
        members["MetricStat"] = {"Metric": metric_told(stat.metric), "Stat": stat.statistic, **unit, **period}
    return {name: value for name, value in members.items() if value is not None}
