"""Lifecycle hooks: put, describe, delete; and the answers to what instances wait for."""

from __future__ import annotations

from typing import Final

from translators.autoscaling import hook_words, ids
from translators.autoscaling.errors import validation
from translators.autoscaling.listing import among
from translators.registry import Call, Result, operation

_MOST_NAMES: Final = 50


@operation("autoscaling", "PutLifecycleHook")
def put(call: Call) -> Result:
    request = hook_words.request_of(call.params)
    call.backend.hooks.put(call.scope, call.params["AutoScalingGroupName"], request)
    return {}


@operation("autoscaling", "DescribeLifecycleHooks")
def describe(call: Call) -> Result:
    group = call.params["AutoScalingGroupName"]
    names = among(call, "LifecycleHookNames", _MOST_NAMES)
    found = call.backend.hooks.of_cluster(call.scope, group, names)
    return {"LifecycleHooks": [hook_words.told(hook, group) for hook in found]}


@operation("autoscaling", "DeleteLifecycleHook")
def delete(call: Call) -> Result:
    call.backend.hooks.delete(call.scope, call.params["AutoScalingGroupName"], call.params["LifecycleHookName"])
    return {}


@operation("autoscaling", "CompleteLifecycleAction")
def complete(call: Call) -> Result:
    params = call.params
    result = hook_words.result_of(params["LifecycleActionResult"], "LifecycleActionResult")
    assert result is not None
    token, server = _action(call)
    call.backend.hooks.complete(
        call.scope, params["AutoScalingGroupName"], params["LifecycleHookName"], result, token=token, server=server
    )
    return {}


@operation("autoscaling", "RecordLifecycleActionHeartbeat")
def heartbeat(call: Call) -> Result:
    params = call.params
    token, server = _action(call)
    call.backend.hooks.heartbeat(
        call.scope, params["AutoScalingGroupName"], params["LifecycleHookName"], token=token, server=server
    )
    return {}


def _action(call: Call) -> tuple[str | None, str | None]:
    """(token, server) of the action that is meant, each where it is named.

    Raises:
        AWSError: neither is.
    """
    token, instance = call.params.get("LifecycleActionToken"), call.params.get("InstanceId")
    if token is None and instance is None:
        # unsourced
        raise validation("Valid requests must contain either the LifecycleActionToken or the InstanceId parameter.")
    return token, None if instance is None else ids.server_of(instance)
