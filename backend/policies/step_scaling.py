"""Step scaling: the further a threshold is crossed, the larger the adjustment. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.scaling import Aggregation, Breach, Capacity, Decision, ScalingPolicy, Stay, Step
from backend.domain.scaling_findings import NoStepFound
from backend.policies.adjustment import adjusted, bounded


def decide(policy: ScalingPolicy, capacity: Capacity, breach: Breach) -> Decision:
    """The capacity that the policy asks for.

    What warms up counts as added already: a breach of the same step adds nothing, one of a higher step the rest.
    Nothing is taken away meanwhile.

    Raises:
        NoStepFound

    Source: Auto Scaling User Guide, "Step and simple scaling policies".
    """
    value = (policy.aggregation or Aggregation.AVERAGE).of(breach.points)
    step = step_of(policy.steps, value - breach.threshold)
    if step is None:
        raise NoStepFound(breach.points, breach.threshold)
    assert policy.adjustment is not None
    wanted = adjusted(policy.adjustment, step.amount, capacity.warm, policy.magnitude)
    if wanted >= capacity.warm:
        return bounded(max(wanted, capacity.desired), capacity)
    if capacity.warming:
        return Decision(capacity.desired, Stay.WARMING)
    return bounded(wanted, capacity)


def step_of(steps: Sequence[Step], difference: float) -> Step | None:
    """The step that is for a difference between what was measured and the threshold.

    Above the threshold a step has its lower end and not its upper, below it the other way round. On the threshold
    itself a step that begins there goes before one that ends there.
    """
    above = [step for step in steps if _is_above(step, difference)]
    below = [step for step in steps if _is_below(step, difference)]
    found = [*above, *below] if difference == 0 else above if difference > 0 else below
    return found[0] if found else None


def _is_above(step: Step, difference: float) -> bool:
    return (step.lower is None or step.lower <= difference) and (step.upper is None or difference < step.upper)


def _is_below(step: Step, difference: float) -> bool:
    return (step.lower is None or step.lower < difference) and (step.upper is None or difference <= step.upper)
