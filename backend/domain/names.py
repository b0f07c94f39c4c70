"""DNS names of servers as AWS forms them, under domains that an operator may set. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_REGION: Final = "{region}"
_FIRST: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Names:
    """Domains of names, in which ``{region}`` stands for the region's name.

    Attributes:
        private: of names of private addresses; empty takes AWS's own, which no public name server knows.
        public: of names of public addresses; empty: they have none, for AWS's would lead to hosts of others.
    """

    private: str = ""
    public: str = ""

    def of_private(self, address: str, region: str) -> str:
        """The name of a private address: ``ip-10-0-0-1.ec2.internal``.

        Source: Amazon VPC User Guide, "DNS hostnames".
        """
        usual = "ec2.internal" if region == _FIRST else f"{region}.compute.internal"
        return f"ip-{address.replace('.', '-')}.{self.private.replace(_REGION, region) or usual}"

    def of_public(self, address: str, region: str) -> str:
        """The name of a public address, empty where there is no domain for it."""
        return f"ec2-{address.replace('.', '-')}.{self.public.replace(_REGION, region)}" if self.public else ""
