"""DNS names of servers and balancers as AWS forms them, under domains that an operator may set. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_REGION: Final = "{region}"
_FIRST: Final = "us-east-1"
_BALANCER: Final = "{name}-{id}.{region}.elb.internal"


@dataclass(frozen=True, slots=True)
class Names:
    """Domains of names, in which ``{region}`` stands for the region's name.

    Attributes:
        private: of names of private addresses; empty takes AWS's own, which no public name server knows.
        public: of names of public addresses; empty: they have none, for AWS's would lead to hosts of others.
        balancers: the whole form of a balancer's name, of ``{name}``, ``{id}``, ``{region}``, ``{address}`` and
            ``{dashed_address}``; empty takes one of AWS's form in no domain of anyone's.
    """

    private: str = ""
    public: str = ""
    balancers: str = ""

    @property
    def tells_address(self) -> bool:
        """Whether a balancer's name has its address in it."""
        return "address}" in self.balancers

    def of_private(self, address: str, region: str) -> str:
        """The name of a private address: ``ip-10-0-0-1.ec2.internal``.

        Source: Amazon VPC User Guide, "DNS hostnames".
        """
        usual = "ec2.internal" if region == _FIRST else f"{region}.compute.internal"
        return f"ip-{address.replace('.', '-')}.{self.private.replace(_REGION, region) or usual}"

    def of_public(self, address: str, region: str) -> str:
        """The name of a public address, empty where there is no domain for it."""
        return f"ec2-{address.replace('.', '-')}.{self.public.replace(_REGION, region)}" if self.public else ""

    def of_balancer(self, name: str, digits: str, region: str, address: str) -> str:
        """The name of a balancer: ``web-0123456789abcdef.us-east-1.elb.internal``."""
        words = {"name": name.lower(), "id": digits, "region": region, "address": address}
        told = self.balancers or _BALANCER
        for word, value in {**words, "dashed_address": address.replace(".", "-")}.items():
            told = told.replace(f"{{{word}}}", value)
        return told
