"""How much of each noun of load balancing a project may have in a region, as AWS's default quotas say.

Those of Auto Scaling are ``backend.domain.quotas``: an operator may set them.
"""

from __future__ import annotations

from typing import Final

from backend.domain.balancers import BalancerKind

# Source: Elastic Load Balancing User Guides, "Quotas for your Application (Network, Classic) Load Balancers".
BALANCERS: Final = {BalancerKind.APPLICATION: 50, BalancerKind.NETWORK: 50, BalancerKind.CLASSIC: 20}
TARGET_GROUPS: Final = 3000
LISTENERS_OF_BALANCER: Final = 50
RULES_OF_BALANCER: Final = 100
TARGETS_OF_GROUP: Final = 1000
GROUPS_OF_BALANCER: Final = 100
CERTIFICATES_OF_LISTENER: Final = 25
