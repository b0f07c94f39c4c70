"""The image port on Glance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from backend.clock import Clock
from backend.domain.ids import short_id
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, ImageNotFound, OutcomeUnknown
from backend.drivers.images import Image
from backend.drivers.openstack.busy import when_at_rest
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.flavors import ARCHITECTURES
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.metadata import word
from backend.drivers.openstack.refusals import of_any, of_server
from backend.drivers.openstack.rest import COMPUTE, IMAGE, Declined, Rest
from backend.drivers.openstack.settings import OpenStackSettings

_GIB: Final = 1024**3
_PARTS: Final = frozenset({"aki", "ari"})
"""Kernels and ramdisks: parts of images, which nothing boots from alone."""
_PAGE: Final = 500
_COMING: Final = frozenset({"queued", "saving", "importing", "uploading"})
_TOLD: Final = frozenset({"active", "deactivated", *_COMING})
_LONGEST: Final = 255


class OpenStackImages:
    def __init__(self, rest: Rest, clock: Clock, settings: OpenStackSettings) -> None:
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._one: Kept[tuple[Scope, str], Image] = Kept(clock, self._ask)

    def list(self, scope: Scope) -> Sequence[Image]:
        """Every image the project may boot from, deactivated ones, and those that are coming; none that is going."""
        with told():
            documents = self._rest.listing(scope, IMAGE, "/images", "images", {"limit": _PAGE})
            return [
                image_of(each, self._settings.architectures[0])
                for each in documents
                if each["status"] in _TOLD and each.get("disk_format") not in _PARTS
            ]

    def bootable(self, scope: Scope, image_id: str) -> Image:
        """An image that a server may be made from, as it was within the last minutes.

        Raises:
            ImageNotFound: there is none, or it is not active.
        """
        key = (scope, image_id)
        image = self._one.get(key, self._settings.layout_age)
        if not image.active:
            self._one.drop(key)
            raise ImageNotFound(short_id(image_id))
        return image

    def of_server(self, scope: Scope, server_id: str, name: str, description: str) -> str:
        asked = {"createImage": {"name": name, "metadata": {"description": description} if description else {}}}

        def ask() -> str:
            try:
                answer = self._rest.write(scope, COMPUTE, "POST", f"/servers/{server_id}/action", asked)
            except Declined as declined:
                raise of_server(declined, server_id) from declined
            made = (answer.body or {}).get("image_id")
            if not isinstance(made, str):
                raise OutcomeUnknown(f"Nova answered {answer.status} to an image without its id")
            return made

        return when_at_rest(self._clock, ask)

    def delete(self, scope: Scope, image_id: str) -> None:
        try:
            self._rest.write(scope, IMAGE, "DELETE", f"/images/{image_id}", repeat=True)
        except Declined as declined:
            if declined.status == 404 and image_id in declined.message:
                raise ImageNotFound(short_id(image_id), request_id=declined.request_id) from declined
            raise of_any(declined) from declined
        self._one.drop((scope, image_id))

    def _ask(self, key: tuple[Scope, str]) -> Image:
        scope, image_id = key
        try:
            document = self._rest.read(scope, IMAGE, f"/images/{image_id}")
        except Declined as declined:
            if declined.status == 404 and image_id in declined.message:
                raise ImageNotFound(short_id(image_id), request_id=declined.request_id) from declined
            raise of_any(declined) from declined
        if document.get("id") != image_id:
            raise CloudUnavailable(f"Glance was asked for image {image_id} and told of another")
        return image_of(document, self._settings.architectures[0])


def image_of(document: Mapping[str, Any], architecture: str) -> Image:
    """An image of Glance's document.

    By the properties ``aws_owner_id`` and ``aws_owner_alias`` (``amazon``) an operator tells whom an image is from, for
    clients that look for images by their maker. Whoever uploads an image may write any property: what is no short
    printable text is passed over. An image of a server has the properties of the one that the server was made from:
    they say nothing of who made this one.

    Args:
        architecture: of images that do not tell theirs.
    """
    stated = word(document.get("architecture")) or word(document.get("hw_architecture"))
    windows = document.get("os_type") == "windows"
    inherited = document.get("image_type") == "snapshot" or bool(document.get("base_image_ref"))
    marks = {} if inherited else document
    return Image(
        id=document["id"],
        name=word(document.get("name"), _LONGEST) or document["id"],
        description=word(document.get("description"), _LONGEST) or "",
        owner_id=word(marks.get("aws_owner_id")) or document.get("owner") or "",
        owner_alias=word(marks.get("aws_owner_alias")),
        architecture=ARCHITECTURES.get(stated, stated) if stated else architecture,
        created_at=datetime.fromisoformat(document["created_at"]),
        active=document["status"] == "active",
        pending=document["status"] in _COMING,
        public=document.get("visibility") in {"public", "community"},
        size_gib=_size(document),
        root_device=word(document.get("root_device_name")) or "/dev/vda",
        boot_mode="uefi" if document.get("hw_firmware_type") == "uefi" else None,
        platform="windows" if windows else None,
        platform_details="Windows" if windows else "Linux/UNIX",
    )


def _size(document: Mapping[str, Any]) -> int:
    """The disk that it needs, in GiB."""
    data = document.get("virtual_size") or document.get("size") or 0
    return max(1, document.get("min_disk") or 0, math.ceil(data / _GIB))
