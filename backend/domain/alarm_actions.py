"""What an action of an alarm is, by its ARN: a policy to run, something to do to a server, or a message."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from backend.domain.alarms import Watched

_POLICY: Final = re.compile(r"arn:[^:]*:autoscaling:[^:]*:[^:]*:scalingPolicy:([0-9a-f-]{36}):.+")


def policy_of(action: str) -> str | None:
    """The id of the scaling policy that an action executes; None where it is another kind of action."""
    found = _POLICY.fullmatch(action)
    return found[1] if found else None


_SERVER_ACT: Final = re.compile(
    r"arn:[^:]*:(?:automate:[^:]*:ec2:|swf:[^:]*:[^:]*:action/actions/AWS_EC2\.InstanceId\.)([a-z]+)"
    r"(?:/[0-9]+\.[0-9]+)?",
    re.IGNORECASE,
)


class ServerAct(StrEnum):
    """What an alarm does to the server that it watches."""

    STOP = "stop"
    TERMINATE = "terminate"
    REBOOT = "reboot"
    RECOVER = "recover"


def server_act_of(action: str) -> ServerAct | None:
    """What an action does to the server that is watched; None where it is another kind of action."""
    found = _SERVER_ACT.fullmatch(action)
    word = found[1].lower() if found else ""
    return ServerAct(word) if word in set(ServerAct) else None


def is_told(action: str) -> bool:
    """Whether an action is a message to somebody."""
    return policy_of(action) is None and server_act_of(action) is None


def server_of(watched: Watched) -> str | None:
    """The short id of the server whose metric is watched; None where no one server's is.

    Source: CloudWatch User Guide, "Create alarms to stop, terminate, reboot, or recover an EC2 instance": a metric of
    the instance, and none of an expression.
    """
    if watched.stat is None:
        return None
    dimensions = dict(watched.stat.metric.dimensions)
    found = _INSTANCE.fullmatch(dimensions.get("InstanceId", ""))
    return None if found is None else found[1]


_INSTANCE: Final = re.compile(r"i-([0-9a-f]{17})")


class ActionFault(StrEnum):
    """Why an action was not carried out. What more is told of it stands beside it in the history."""

    UNREACHED = "unreached"  #    nothing here takes it
    NO_POLICY = "no_policy"
    NO_POINTS = "no_points"  #    the state was set without data
    STALE = "stale"  #            the data are too old; at: as they say
    NO_STEP = "no_step"  #        points, threshold
    NO_SERVER = "no_server"
    PROTECTED = "protected"  #    the server is to be kept as it is
    REFUSED = "refused"  #        the cloud does not do it; why: the kind of its refusal
    OVERTAKEN = "overtaken"  #    the state ended, or the alarm was written anew, before it was carried out
    UNKNOWN = "unknown"  #        it was asked for, and whoever asked did not live to tell
