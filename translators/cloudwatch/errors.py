"""CloudWatch's errors: the one table from the engine's findings to its codes (of the query form) and words.

Words are the recorded ones (conformance/recorded, cloudwatch) unless marked. Members are named as in the query form,
whatever form a request has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend import errors
from backend.domain import alarms, composites, dashboards, metric_queries, metrics
from backend.domain.alarms import AlarmFlaw
from backend.domain.steps import TooManySteps
from translators.errors import AWSError, Table, register


def invalid(words: str) -> AWSError:
    """A member's value that cannot be."""
    return AWSError("InvalidParameterValue", words)


def combination(words: str) -> AWSError:
    """Members that cannot stand together."""
    return AWSError("InvalidParameterCombination", words)


def missing(words: str) -> AWSError:
    return AWSError("MissingParameter", words)


def validation(words: str) -> AWSError:
    return AWSError("ValidationError", words)


def exclusive(one: str, other: str) -> AWSError:
    """Two members of which only one may be given."""
    return combination(_EXCLUSIVE.format(one, other))


_EXCLUSIVE: Final = "The parameters {} and {} are mutually exclusive and you have specified both."


def exclusive_in_queries(one: str, other: str) -> AWSError:
    """As ``exclusive``, in the code that questions to metrics have."""
    return validation(_EXCLUSIVE.format(one, other))


_ALARM_FLAWS: Final[Mapping[str, str]] = {
    # Source: a text that a user showed (marklogic #82).
    AlarmFlaw.NO_SERVER: "Invalid use of EC2 action. An EC2 action can only be used if the alarm is monitoring an EC2"
    " instance.",
    AlarmFlaw.MORE_THAN_ALL: "DatapointsToAlarm must be less than or equal to EvaluationPeriods",
    # unsourced, as is what follows
    AlarmFlaw.MANY_SECONDS: "Metrics cannot be checked across more than a day"
    " (EvaluationPeriods * Period must be <= 86400).",
    AlarmFlaw.MANY_SECONDS_OF_WEEK: "Metrics cannot be checked across more than seven days"
    " (EvaluationPeriods * Period must be <= 604800).",
}
_LIMITS: Final = {
    "tags": "The maximum number of tags for the resource has been reached.",  # unsourced
    "alarms": "The maximum number of alarms for the account has been reached.",  # unsourced
    "series": "The maximum number of metrics for the account has been reached.",  # unsourced
    "dashboards": "The maximum number of dashboards for the account has been reached.",  # unsourced
}


def _limit(found: errors.LimitExceeded) -> AWSError:
    if found.what == "alarm_tags":  # Source: conformance/recorded alarm_controls
        return validation(f"The resultant tag set must not have more than {found.limit} user tags.")
    return AWSError("LimitExceeded", _LIMITS[found.what])


def _unavailable(_: Any) -> AWSError:
    return AWSError("InternalServiceError", "The service is unavailable. Please try again later.", 500)  # unsourced


def _needed(found: composites.AlarmsNeeded) -> AWSError:
    """Source: conformance/recorded alarm_composites, language/54; of several aws-nuke #462."""
    which = "it" if len(found.names) == 1 else "them"
    return validation(f"Cannot delete {','.join(found.names)} as there are composite alarm(s) depending on {which}.")


def _circular(found: composites.Circular) -> AWSError:
    way = "ActionsSuppressor" if found.suppressor else "AlarmRule"  # the former is unsourced
    beyond = "" if found.by is None else f" and {found.by}"  # unsourced
    return validation(
        f"A composite alarm cannot have a child relation with itself via its {way}{beyond}, as it would introduce a"
        " circular dependency"
    )


TABLE: Final[Table] = {
    composites.OtherKindOfAlarm: lambda found: validation(
        f"AlarmName [{found.name}] is already used by another alarm of a different type"
    ),
    composites.AlarmsNeeded: _needed,
    composites.Circular: _circular,
    composites.ManyCompositesDeleted: lambda _: validation(
        "Only one composite alarm can be deleted at a time."
    ),  # unsourced
    composites.TooManyBelow: lambda found: validation(
        f"A composite alarm cannot depend on more than {found.limit} composite alarms"
    ),  # unsourced
    composites.TooDeep: lambda found: validation(
        f"Composite alarms cannot depend on each other over more than {found.limit} levels"
    ),  # unsourced
    composites.TooManyParents: lambda found: AWSError(
        "LimitExceeded", f"The alarm {found.name} is in the alarm rules of {found.limit} composite alarms already."
    ),  # unsourced
    metric_queries.ExpressionRefused: lambda found: validation(
        f"Error in expression '{found.query}' [{found.reason}]"
    ),  # unsourced
    TooManySteps: lambda _: validation(
        "You have requested more datapoints than one request may look at."
        " You may reduce the datapoints requested by increasing Period, or decreasing the time range."
    ),  # unsourced
    alarms.AlarmRefused: lambda found: validation(_ALARM_FLAWS[found.flaw]),
    alarms.AlarmNotFound: lambda _: AWSError("ResourceNotFound", "", 404),
    alarms.TaggedAlarmNotFound: lambda _: AWSError("ResourceNotFoundException", "", 404),
    alarms.ReasonDataUnreadable: lambda _: AWSError("InvalidFormat", ""),
    dashboards.DashboardMissing: lambda found: AWSError(
        "ResourceNotFound", f"Dashboard {found.name} does not exist", 404
    ),  # unsourced
    metrics.PackingBehind: lambda _: AWSError("Throttling", "Rate exceeded"),
    errors.LimitExceeded: _limit,
    errors.StoreUnavailable: _unavailable,
    errors.CommitUnknown: _unavailable,
}

register("cloudwatch", TABLE)
