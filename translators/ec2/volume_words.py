"""Volume types in AWS's words: what each may have of size, IOPS and throughput, and what it has where nobody says.

Source: Amazon EC2 API Reference, CreateVolume; Amazon EBS User Guide, "Amazon EBS volume types".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backend.drivers.volumes import Kind
from translators.errors import AWSError


@dataclass(frozen=True, slots=True)
class _Type:
    """Bounds of one type: sizes in GiB, IOPS (None: it has none to say), IOPS per GiB, MiB/s."""

    sizes: range
    iops: range | None = None
    per_gib: int = 0
    throughputs: range | None = None
    named: bool = False


_TYPES: Final[Mapping[str, _Type]] = {
    "standard": _Type(range(1, 1025)),
    "gp2": _Type(range(1, 16_385)),
    "gp3": _Type(range(1, 65_537), range(3000, 80_001), 500, range(125, 2001)),
    "io1": _Type(range(4, 16_385), range(100, 64_001), 50, named=True),
    "io2": _Type(range(4, 65_537), range(100, 256_001), 1000, named=True),
    "st1": _Type(range(125, 16_385)),
    "sc1": _Type(range(125, 16_385)),
}
USUAL_IOPS: Final = 3000
USUAL_THROUGHPUT: Final = 125
_PER_IOPS: Final = 4
"""IOPS that each MiB/s of gp3 needs."""


def checked(size_gib: int, kind: Kind) -> Kind:
    """The kind of a volume of that size.

    Raises:
        AWSError: the type does not have what is asked for.
    """
    bounds = _TYPES.get(kind.type)
    if bounds is None:
        # unsourced
        raise AWSError("UnknownVolumeType", f"Unsupported volume type '{kind.type[:32]}' for volume creation.")
    if size_gib not in bounds.sizes:
        # unsourced
        raise AWSError(
            "InvalidParameterValue",
            f"Volume of {size_gib}GiB is too {'small' if size_gib < bounds.sizes[0] else 'large'} for volume type"
            f" {kind.type}; {'minimum' if size_gib < bounds.sizes[0] else 'maximum'} is"
            f" {bounds.sizes[0] if size_gib < bounds.sizes[0] else bounds.sizes[-1]}GiB.",
        )
    _check_iops(size_gib, kind, bounds)
    if kind.throughput is not None:
        if bounds.throughputs is None:
            raise _unfit("throughput", kind.type)
        if kind.throughput not in bounds.throughputs:
            raise _outside("throughput", kind.throughput, bounds.throughputs, "MiB/s")
        if kind.throughput * _PER_IOPS > (kind.iops or USUAL_IOPS):
            # unsourced
            raise AWSError("InvalidParameterValue", "Throughput (MiBps) to iops ratio of 0.25 is too high.")
    return kind


def check_members(kind: Kind) -> None:
    """Refuse IOPS and throughput that the type has not, of a volume whose size is not said."""
    bounds = _TYPES.get(kind.type)
    if bounds is not None and kind.iops is not None and bounds.iops is None:
        raise _unfit("iops", kind.type)
    if bounds is not None and kind.throughput is not None and bounds.throughputs is None:
        raise _unfit("throughput", kind.type)


def _check_iops(size_gib: int, kind: Kind, bounds: _Type) -> None:
    if kind.iops is None:
        if bounds.named:
            # unsourced
            words = f"The parameter iops must be specified for {kind.type} volumes."
            raise AWSError("MissingParameter", words)
        return
    if bounds.iops is None:
        raise _unfit("iops", kind.type)
    if kind.iops not in bounds.iops:
        raise _outside("iops", kind.iops, bounds.iops, "iops")
    if kind.iops > max(USUAL_IOPS if kind.type == "gp3" else 0, bounds.per_gib * size_gib):
        # unsourced
        raise AWSError(
            "InvalidParameterValue",
            f"Iops to volume size ratio is too high; maximum is {bounds.per_gib} for {kind.type} volumes.",
        )


def _unfit(member: str, kind: str) -> AWSError:
    """Source: hashicorp/terraform-provider-aws #12667 (the words)."""
    return AWSError("InvalidParameterCombination", f"The parameter {member} is not supported for {kind} volumes.")


def _outside(member: str, value: int, bounds: range, unit: str) -> AWSError:
    # unsourced
    words = f"Volume {member} of {value} is out of range; it must be between {bounds[0]} and {bounds[-1]} {unit}."
    return AWSError("InvalidParameterValue", words)


def iops(size_gib: int, kind: Kind) -> int | None:
    """What AWS's types promise, which is what clients expect to read; the cloud's own types decide on the rest."""
    if kind.type == "gp2":
        return min(16_000, max(100, 3 * size_gib))
    if kind.iops is not None:
        return kind.iops
    return {"gp3": USUAL_IOPS, "io1": 100, "io2": 100}.get(kind.type)


def throughput(kind: Kind) -> int | None:
    if kind.type != "gp3":
        return None
    return kind.throughput or USUAL_THROUGHPUT
