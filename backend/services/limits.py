"""How much of each noun a project may have in a region, as AWS's default quotas say.

Source: Amazon EC2 Auto Scaling User Guide, "Quotas for Amazon EC2 Auto Scaling".
"""

from __future__ import annotations

from typing import Final

from backend.domain.balancers import BalancerKind

CLUSTERS: Final = 500
CONFIGURATIONS: Final = 200
TAGS_OF_CLUSTER: Final = 50
POOLS_OF_CLUSTER: Final = 50
SCHEDULES_OF_CLUSTER: Final = 125
HOOKS_OF_CLUSTER: Final = 50
POLICIES_OF_CLUSTER: Final = 50
TOPICS_OF_CLUSTER: Final = 10

# Source: Elastic Load Balancing User Guides, "Quotas for your Application (Network, Classic) Load Balancers".
BALANCERS: Final = {BalancerKind.APPLICATION: 50, BalancerKind.NETWORK: 50, BalancerKind.CLASSIC: 20}
TARGET_GROUPS: Final = 3000
LISTENERS_OF_BALANCER: Final = 50
RULES_OF_BALANCER: Final = 100
TARGETS_OF_GROUP: Final = 1000
GROUPS_OF_BALANCER: Final = 100
CERTIFICATES_OF_LISTENER: Final = 25
