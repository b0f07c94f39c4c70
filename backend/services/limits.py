"""How much of each noun a project may have in a region, as AWS's default quotas say.

Source: Amazon EC2 Auto Scaling User Guide, "Quotas for Amazon EC2 Auto Scaling".
"""

from __future__ import annotations

from typing import Final

CLUSTERS: Final = 500
CONFIGURATIONS: Final = 200
TAGS_OF_CLUSTER: Final = 50
POOLS_OF_CLUSTER: Final = 50
