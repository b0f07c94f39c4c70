"""The image port."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from backend.domain.ids import short_id
from backend.domain.scope import Scope

NAME: Final = re.compile(r"[A-Za-z0-9()\[\] ./'@_-]{3,128}")
"""Names that images made here may have."""
GIB: Final = range(1, 16385)
"""Sizes of their disks."""


@dataclass(frozen=True, slots=True)
class Image:
    """A bootable image.

    Attributes:
        owner_id: AWS account id of the owner (12 digits) or the project id of a private image.
        owner_alias: ``amazon`` and the like, None for private images.
        pending: it is being made, and not active yet.
    """

    id: str
    name: str
    description: str
    owner_id: str
    owner_alias: str | None
    architecture: str
    created_at: datetime
    active: bool = True
    pending: bool = False
    public: bool = True
    size_gib: int = 8
    root_device: str = "/dev/xvda"
    root_device_type: str = "ebs"
    virtualization: str = "hvm"
    volume_type: str = "gp3"
    snapshot_id: str | None = None
    boot_mode: str | None = None
    platform: str | None = None
    platform_details: str = "Linux/UNIX"
    ena: bool = True
    imds_v2: bool = False

    @property
    def short_id(self) -> str:
        return short_id(self.id)


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image that a project makes of its own; members as those of Image."""

    name: str
    description: str = ""
    architecture: str = "x86_64"
    root_device: str = "/dev/xvda"
    virtualization: str = "hvm"
    size_gib: int = 8
    volume_type: str = "gp3"
    boot_mode: str | None = None
    platform: str | None = None
    platform_details: str = "Linux/UNIX"
    ena: bool = True
    imds_v2: bool = False
    snapshot_id: str | None = None


class ImageMaking(Protocol):
    """Projects' own images, in a cloud that lets them be made here. Each call raises CloudUnavailable."""

    def register(self, scope: Scope, new: NewImage, most: int) -> str:
        """Make one; its id. Raises QuotaExceeded where the project has ``most``."""

    def deregister(self, scope: Scope, image_id: str) -> None:
        """Take one of the project's own away; servers that were made from it stay. Safe to repeat."""

    def describe(self, scope: Scope, image_id: str, text: str) -> None:
        """Give one of the project's own another description; one that is gone is passed over. Safe to repeat."""


class Images(Protocol):
    def list(self, scope: Scope) -> Sequence[Image]:
        """Every image the project may boot from. Raises CloudUnavailable, NotAuthorized."""
