"""Images that projects make of their own, on clouds where that is done here."""

from __future__ import annotations

from typing import Final

from backend import errors
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.images import Image, ImageMaking, NewImage
from backend.services.catalog import asking

MOST: Final = 1000
"""A project's own images in a region."""
_NOUN: Final = "images"


class Images:
    """Every call may raise CloudNotReached, NotPermitted or CloudRefused; none is possible where none are made here."""

    def __init__(self, cloud: Cloud, catalog: Catalog) -> None:
        self._cloud = cloud
        self._catalog = catalog

    @property
    def made_here(self) -> bool:
        """Whether the cloud lets images be made here."""
        return self._cloud.making is not None

    def register(self, scope: Scope, new: NewImage) -> str:
        """Make an image; its id in the cloud.

        Raises:
            ImageNameTaken
            ImagesExhausted
        """
        for image in self._listed(scope):
            if image.name == new.name and image.owner_id == scope.project_id:
                raise errors.ImageNameTaken(new.name, image.id)
        return self._make(scope, new)

    def copy(self, scope: Scope, source: Scope, short: str, name: str, description: str | None) -> str:
        """Make an image that is as another, of any region where the project may boot from it; its id in the cloud.

        Args:
            short: the short id of the other, in the region of ``source``.
            description: None for that of the other.

        Raises:
            ImageNotFound
            ImagesExhausted
        """
        given = self._found(source, short)
        new = NewImage(
            name=name,
            description=given.description if description is None else description,
            architecture=given.architecture,
            root_device=given.root_device,
            virtualization=given.virtualization,
            size_gib=given.size_gib,
            volume_type=given.volume_type,
            boot_mode=given.boot_mode,
            platform=given.platform,
            platform_details=given.platform_details,
            ena=given.ena,
            imds_v2=given.imds_v2,
        )
        return self._make(scope, new)

    def deregister(self, scope: Scope, short: str) -> None:
        """Take one of the project's own away.

        Raises:
            ImageNotFound
            ImageNotOwned
        """
        image = self._found(scope, short)
        if image.owner_id != scope.project_id:
            raise errors.ImageNotOwned(image.id)
        with asking():
            self._making.deregister(scope, image.id)
        self._catalog.drop(_NOUN, scope)

    def _make(self, scope: Scope, new: NewImage) -> str:
        try:
            with asking():
                return self._making.register(scope, new, MOST)
        except errors.QuotaExceeded as full:
            raise errors.ImagesExhausted(full.limit) from full
        finally:
            self._catalog.drop(_NOUN, scope)

    def _found(self, scope: Scope, short: str) -> Image:
        for image in self._listed(scope):
            if image.short_id == short and image.active:
                return image
        raise errors.ImageNotFound(short)

    def _listed(self, scope: Scope) -> list[Image]:
        """The images of now."""
        self._catalog.drop(_NOUN, scope)
        with asking():
            return [*self._catalog.images(scope)]

    @property
    def _making(self) -> ImageMaking:
        making = self._cloud.making
        if making is None:
            raise errors.CloudRefused("images are made with the cloud's own tools")
        return making
