"""Simple scaling: one adjustment, and then nothing until it is done and a cooldown is over. Pure."""

from __future__ import annotations

from backend.domain.scaling import Capacity, Decision, ScalingPolicy, Stay
from backend.policies.adjustment import adjusted, bounded


def decide(policy: ScalingPolicy, capacity: Capacity, *, honor_cooldown: bool) -> Decision:
    """The capacity that the policy asks for.

    Args:
        honor_cooldown: it waits for what is under way, as it does whenever an alarm asks.

    Source: Auto Scaling User Guide, "Step and simple scaling policies", "Scaling cooldowns".
    """
    if honor_cooldown and capacity.busy is not None:
        return Decision(capacity.desired, Stay.BUSY, {"activity": capacity.busy})
    assert policy.adjustment is not None
    assert policy.amount is not None
    return bounded(adjusted(policy.adjustment, policy.amount, capacity.desired, policy.magnitude), capacity)
