"""An alarm in AWS's words, both ways.

Texts are recorded ones (conformance/recorded alarm_controls) or those that users were told, unless marked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from backend.domain.alarm_actions import server_act_of
from backend.domain.alarms import Alarm, Comparison, Missing, WantedAlarm, Watched
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import MINUTE, is_statistic
from translators import arns
from translators.cloudwatch.errors import invalid, validation
from translators.cloudwatch.listing import named
from translators.cloudwatch.listing import told as metric_told

_PERIODS: Final = (10, 20, 30)
_ACTION: Final = re.compile(r"arn:[^:\s]+:([^:\s]+):([^:\s]*):[^:\s]*:.+")
_OF_SERVERS: Final = frozenset({"automate", "swf"})
_KINDS: Final = frozenset({"autoscaling", "sns"}) | _OF_SERVERS
_UNSERVED: Final = (
    *("ThresholdMetricId", "EvaluationWindow", "WarmUpConfiguration", "EvaluationCriteria", "EvaluationInterval"),
    "ActionConfiguration",
)
_OF_METRIC: Final = ("MetricName", "Namespace", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit")
MOST_QUERIES: Final = 20


def wanted(params: Mapping[str, Any], region: str) -> WantedAlarm:
    """The alarm that a request asks for.

    Args:
        region: the caller's, in which servers are acted on.

    Raises:
        AWSError: a member is not what it may be, or is of a kind of alarm that is not served.
    """
    for member in _UNSERVED:
        if params.get(member) is not None:
            raise validation(f"{member} is not supported by this service.")  # unsourced
    actions = wanted_actions(params, _KINDS, region)
    enabled = params.get("ActionsEnabled")
    return WantedAlarm(
        name=params["AlarmName"],
        watched=_watched(params),
        description=params.get("AlarmDescription"),
        enabled=True if enabled is None else enabled,
        ok_actions=actions[0],
        alarm_actions=actions[1],
        insufficient_actions=actions[2],
        tags={each["Key"]: each["Value"] for each in params.get("Tags") or ()},
    )


def wanted_actions(params: Mapping[str, Any], kinds: Collection[str], region: str = "") -> list[tuple[str, ...]]:
    """What is to be done in each state: OK, ALARM, and without enough data.

    Args:
        kinds: services whose actions such an alarm may have.
        region: in which servers are acted on.

    Raises:
        AWSError: an action is none, or of another kind.
    """
    lists = [tuple(params.get(each) or ()) for each in ("OKActions", "AlarmActions", "InsufficientDataActions")]
    for action in (each for some in lists for each in some):
        found = _ACTION.fullmatch(action)
        if found is None:
            raise validation(f"Invalid arn syntax: {action}")
        if found[1] not in kinds:
            raise validation(f"Actions of {found[1]} are not supported by this service: {action}")  # unsourced
        if found[1] in _OF_SERVERS:
            _check_server_act(action, found[2], region)
    return lists


def _check_server_act(action: str, where: str, region: str) -> None:
    if server_act_of(action) is None:
        raise validation(f"Actions of this kind are not supported by this service: {action}")  # unsourced
    if where != region:
        raise validation(f"Invalid region {where} specified. Only {region} is supported.")  # unsourced


def _watched(params: Mapping[str, Any]) -> Watched:
    comparison = params.get("ComparisonOperator")
    if comparison not in set(Comparison):
        raise validation(f"ComparisonOperator {comparison} is not supported by this service.")  # unsourced
    threshold = params.get("Threshold")
    if threshold is None or not math.isfinite(threshold):
        raise validation("Threshold must not be null and must be a finite number")  # unsourced
    if params.get("EvaluationPeriods") is None:
        raise validation("EvaluationPeriods must not be null")  # unsourced
    missing = params.get("TreatMissingData")
    if missing is not None and missing not in set(Missing):
        # unsourced
        raise validation(f"TreatMissingData must be one of [{', '.join(sorted(Missing))}]")
    low = params.get("EvaluateLowSampleCountPercentile")
    if low not in {None, "evaluate", "ignore"}:
        raise validation("EvaluateLowSampleCountPercentile must be one of [evaluate, ignore]")  # unsourced
    queries = tuple(_query(each) for each in params.get("Metrics") or ())
    if queries:
        check_metrics(params, _OF_METRIC)
        check_queries(queries)
    return Watched(
        comparison=Comparison(comparison),
        threshold=threshold,
        periods=params["EvaluationPeriods"],
        datapoints=params.get("DatapointsToAlarm"),
        missing=None if missing is None else Missing(missing),
        ignores_low_samples=None if low is None else low == "ignore",
        stat=None if queries else _stat(params),
        queries=queries,
    )


def _stat(params: Mapping[str, Any]) -> MetricStat:
    for member in ("MetricName", "Namespace", "Period"):
        if params.get(member) is None:
            raise validation(f"{member} must not be null")
    simple, extended = params.get("Statistic"), params.get("ExtendedStatistic")
    statistic = simple or extended
    if statistic is None or None not in {simple, extended}:
        raise validation("Exactly one of Statistic and ExtendedStatistic must be specified.")  # unsourced
    if extended is not None and not is_statistic(extended):
        raise invalid(f"The value {extended} for parameter ExtendedStatistic is not supported.")
    _check_period(params["Period"])
    return MetricStat(named(params), params["Period"], statistic, params.get("Unit"))


def _check_period(period: int) -> None:
    if period not in _PERIODS and period % MINUTE:
        raise validation("Period must be 10, 20, 30 or a multiple of 60")


def _query(given: Mapping[str, Any]) -> Query:
    stat, expression = given.get("MetricStat"), given.get("Expression")
    if (stat is None) == (expression is None):
        # unsourced
        raise validation(f"Exactly one of MetricStat and Expression must be specified for {given['Id']}.")
    if given.get("AccountId") is not None:
        raise validation("AccountId is not supported by this service.")  # unsourced
    period = given.get("Period")
    for each in (period, None if stat is None else stat["Period"]):
        if each is not None:
            _check_period(each)
    read = None
    if stat is not None:
        if not is_statistic(stat["Stat"]):
            raise invalid(f"The value {stat['Stat']} for parameter Stat is not supported.")  # unsourced
        read = MetricStat(named(stat["Metric"]), stat["Period"], stat["Stat"], stat.get("Unit"))
    returned = given.get("ReturnData")
    return Query(given["Id"], read, expression, given.get("Label"), True if returned is None else returned, period)


def check_metrics(params: Mapping[str, Any], others: Sequence[str]) -> None:
    """Refuse too many Metrics, and members that say the same otherwise.

    Args:
        others: names of these members.

    Raises:
        AWSError
    """
    for member in others:
        if params.get(member) not in (None, []):
            raise validation(f"{member} should not be set if list of Metrics is set.")
    if len(params["Metrics"]) > MOST_QUERIES:
        raise validation(f"The collection Metrics must not have a size greater than {MOST_QUERIES}.")  # unsourced


def check_queries(queries: Sequence[Query], doing: str = "") -> None:
    """Refuse queries that do not come to the one line that an alarm watches.

    Args:
        doing: what is said before where their periods differ.

    Raises:
        AWSError
    """
    if len({query.id for query in queries}) < len(queries):
        raise validation("The values for parameter Id in Metrics are not unique.")  # unsourced
    if sum(query.returned for query in queries) != 1:
        raise validation("Exactly one element of the metrics list should return data.")
    periods = {query.stat.period for query in queries if query.stat is not None}
    if len(periods | {query.period for query in queries if query.period is not None}) > 1:
        raise validation(f"{doing}All metrics in the alarm should have the same period")


def arn(region: str, account: str, name: str) -> str:
    return arns.alarm(region, account, name)


def told(alarm: Alarm, region: str, account: str) -> dict[str, Any]:
    """One MetricAlarm. What was not given is not told. Source: conformance/recorded, shapes of DescribeAlarms."""
    members = {
        **common(alarm, region, account),
        "StateReason": alarm.reason or None,
        "StateReasonData": alarm.reason_data,
        **rule_told(alarm.rule),
    }
    return {name: value for name, value in members.items() if value is not None}


def common(alarm: Alarm, region: str, account: str) -> dict[str, Any]:
    """What is told of alarms of both kinds; None where nothing is."""
    return {
        "AlarmName": alarm.name,
        "AlarmArn": arns.alarm(region, account, alarm.name),
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "ActionsEnabled": alarm.enabled,
        "OKActions": list(alarm.ok_actions),
        "AlarmActions": list(alarm.alarm_actions),
        "InsufficientDataActions": list(alarm.insufficient_actions),
        "StateValue": str(alarm.state),
        "StateUpdatedTimestamp": alarm.updated_at,
        "StateTransitionedTimestamp": alarm.transitioned_at,
    }


def rule_told(watched: Watched) -> dict[str, Any]:
    """What an alarm watches; None where nothing is told."""
    stat = watched.stat
    simple = stat is not None and stat.statistic in _SIMPLE
    low = watched.ignores_low_samples
    members: dict[str, Any] = {
        "EvaluationPeriods": watched.periods,
        "DatapointsToAlarm": watched.datapoints,
        "Threshold": watched.threshold,
        "ComparisonOperator": str(watched.comparison),
        "TreatMissingData": watched.missing and str(watched.missing),
        "EvaluateLowSampleCountPercentile": None if low is None else "ignore" if low else "evaluate",
    }
    if stat is None:
        return {**members, "Dimensions": [], "Metrics": [_query_told(query) for query in watched.queries]}
    return {
        **members,
        **metric_told(stat.metric),
        "Statistic" if simple else "ExtendedStatistic": stat.statistic,
        "Period": stat.period,
        "Unit": stat.unit,
    }


_SIMPLE: Final = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})


def _query_told(query: Query) -> dict[str, Any]:
    stat = query.stat
    members: dict[str, Any] = {
        "Id": query.id,
        "Expression": query.expression,
        "Label": query.label,
        "Period": query.period,
        "ReturnData": query.returned,
    }
    if stat is not None:
        unit = {} if stat.unit is None else {"Unit": stat.unit}
        told = {"Metric": metric_told(stat.metric), "Period": stat.period, "Stat": stat.statistic, **unit}
        members["MetricStat"] = told
    return {name: value for name, value in members.items() if value is not None}


_UNTOLD: Final = ("stateReason", "stateReasonData", "stateTransitionedTimestamp", "statistic")


def for_history(alarm: Alarm, region: str, account: str) -> dict[str, Any]:
    """An alarm as its history tells it. Source: conformance/recorded alarm_controls, alarm_idempotence."""
    found = {name[0].lower() + name[1:]: _plain(value) for name, value in told(alarm, region, account).items()}
    found["okactions"] = found.pop("oKActions")
    if "statistic" in found:
        found["extendedStatistic"] = found["statistic"].upper()
    return {name: value for name, value in found.items() if name not in _UNTOLD}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}+0000"
    return value
