"""Findings about public addresses, made interfaces and NAT gateways. Data, no sentences; see backend.errors.

Ids are digits of ids at AWS.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class AllocationMissing(Finding):
    id: str


@dataclass(eq=False)
class AssociationMissing(Finding):
    id: str


@dataclass(eq=False)
class AddressBusy(Finding):
    """It leads to something already, and is not to be led away from there."""

    id: str
    association_id: str


@dataclass(eq=False)
class AddressInUse(Finding):
    """It leads to something, so it cannot be given back."""

    address: str


@dataclass(eq=False)
class InterfaceMissing(Finding):
    id: str


@dataclass(eq=False)
class InterfaceInUse(Finding):
    """A server has it."""

    id: str


@dataclass(eq=False)
class IndexTaken(Finding):
    """The server (the cloud's id) has an interface there."""

    server: str
    index: int


@dataclass(eq=False)
class InterfaceManaged(Finding):
    """It belongs to a gateway, and goes with it."""

    id: str


@dataclass(eq=False)
class AttachmentMissing(Finding):
    id: str


@dataclass(eq=False)
class GatewayMissing(Finding):
    """No such NAT gateway."""

    id: str


@dataclass(eq=False)
class NoWayOut(Finding):
    """The VPC has no internet gateway."""

    vpc: str
