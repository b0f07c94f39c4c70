"""Which instances may go, asked in AWS's words of whoever chooses them, and the answer.

Source: Auto Scaling User Guide, "Create a custom termination policy with Lambda".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backend.domain.consultations import Question
from backend.domain.messages import Unreached
from translators import arns

_MARKETS: Final = {False: "on-demand", True: "spot"}
"""By whether the cloud may take a node back."""


@dataclass(frozen=True, slots=True)
class Consultations:
    """Words of questions and answers.

    Attributes:
        region_of: AWS's name of a region of the cloud.
        account_of: the account of a project.
    """

    region_of: Callable[[str], str]
    account_of: Callable[[str], str]

    def asked(self, question: Question) -> str:
        """The question as a JSON text."""
        cluster = question.cluster
        region, account = self.region_of(cluster.region), self.account_of(cluster.project_id)
        document = {
            "AutoScalingGroupARN": arns.group(region, account, cluster.id, cluster.name),
            "AutoScalingGroupName": cluster.name,
            "CapacityToTerminate": [
                {"AvailabilityZone": zone, "Capacity": capacity, "InstanceMarketOption": _MARKETS[preemptible]}
                for (zone, preemptible), capacity in sorted(question.capacity.items())
            ],
            "Instances": [
                {
                    "AvailabilityZone": node.zone,
                    "InstanceId": arns.instance_id(node.server_id or ""),
                    "InstanceType": node.instance_type,
                    "InstanceMarketOption": _MARKETS[node.preemptible],
                }
                for node in question.nodes
            ],
            "Cause": "SCALE_IN",
        }
        return json.dumps(document, separators=(",", ":"))

    def named(self, text: bytes) -> frozenset[str]:
        """The servers that an answer names, by short id; what is no instance id names nothing.

        Raises:
            Unreached: it is no answer.
        """
        try:
            named = json.loads(text)["InstanceIDs"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Unreached("what it answered names no InstanceIDs") from error
        if not isinstance(named, list):
            raise Unreached("its InstanceIDs are no list")
        shorts = (arns.short_of(arns.INSTANCE, each) for each in named if isinstance(each, str))
        return frozenset(short for short in shorts if short is not None)
