"""How much of networks a project may have in a region.

Source: Amazon VPC User Guide, "Amazon VPC quotas": what it lets be raised stands here as high as it goes without a
word to anyone, for a cloud has quotas of its own.
"""

from __future__ import annotations

from typing import Final

VPCS: Final = 100
CIDRS_OF_VPC: Final = 5
SUBNETS_OF_VPC: Final = 200
GATEWAYS: Final = 100
ROUTE_TABLES_OF_VPC: Final = 200
ROUTES_OF_TABLE: Final = 50
ACLS_OF_VPC: Final = 200
ENTRIES_OF_ACL: Final = 20
"""In one direction."""
DHCP_OPTIONS: Final = 100
