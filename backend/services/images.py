"""Images that projects make of their own: of servers, and from nothing on clouds where that is done here."""

from __future__ import annotations

from typing import Final

from backend import errors
from backend.domain import image_findings, server_findings
from backend.domain.scope import Scope
from backend.drivers import errors as cloud_errors
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.images import Image, ImageMaking, NewImage
from backend.drivers.imaging import Imaging
from backend.services.catalog import asking
from backend.services.cloud_errors import finding_of

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
                raise image_findings.ImageNameTaken(new.name, image.id)
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

    def of_server(self, scope: Scope, server: Server, name: str, description: str) -> str:
        """Begin an image of a server's root disk; its id in the cloud.

        Raises:
            ImageNameTaken
            ImagesExhausted
            ServerConflict: the server is neither running nor stopped.
        """
        own = [image for image in self._listed(scope) if image.owner_id == scope.project_id]
        for image in own:
            if image.name == name:
                raise image_findings.ImageNameTaken(name, image.id)
        if len(own) >= MOST:  # of who asks at once some more are let through; the cloud has its quota
            raise image_findings.ImagesExhausted(MOST)
        try:
            return self._imaging.of_server(scope, server.id, name, description)
        except cloud_errors.ServerStateConflict:
            raise server_findings.ServerConflict(server.short_id, str(server.status)) from None
        except cloud_errors.ServerNotFound:
            raise server_findings.ServerUnknown(server.short_id) from None
        except cloud_errors.QuotaExceeded as full:
            raise image_findings.ImagesExhausted(full.limit) from full
        except cloud_errors.CloudError as error:
            raise finding_of(error) from error
        finally:
            self._catalog.drop(_NOUN, scope)

    def deregister(self, scope: Scope, short: str) -> None:
        """Take one of the project's own away, also one that is only coming.

        Raises:
            ImageNotFound
            ImageNotOwned
        """
        image = self._found(scope, short, coming=True)
        if image.owner_id != scope.project_id:
            raise image_findings.ImageNotOwned(image.id)
        try:
            with asking():
                if self._cloud.making is not None:
                    self._cloud.making.deregister(scope, image.id)
                else:
                    self._imaging.delete(scope, image.id)
        finally:
            self._catalog.drop(_NOUN, scope)

    def describe(self, scope: Scope, short: str, text: str) -> None:
        """Give one of the project's own another description.

        Raises:
            ImageNotFound
            ImageNotOwned
        """
        image = self._found(scope, short, coming=True)
        if image.owner_id != scope.project_id:
            raise image_findings.ImageNotOwned(image.id)
        try:
            with asking():
                self._making.describe(scope, image.id, text)
        finally:
            self._catalog.drop(_NOUN, scope)

    def _make(self, scope: Scope, new: NewImage) -> str:
        try:
            with asking():
                return self._making.register(scope, new, MOST)
        except errors.QuotaExceeded as full:
            raise image_findings.ImagesExhausted(full.limit) from full
        finally:
            self._catalog.drop(_NOUN, scope)

    def _found(self, scope: Scope, short: str, *, coming: bool = False) -> Image:
        for image in self._listed(scope):
            if image.short_id == short and (image.active or (coming and image.pending)):
                return image
        raise image_findings.ImageNotFound(short)

    def _listed(self, scope: Scope) -> list[Image]:
        """The images of now."""
        self._catalog.drop(_NOUN, scope)
        with asking():
            return [*self._catalog.images(scope)]

    @property
    def _imaging(self) -> Imaging:
        imaging = self._cloud.imaging
        if imaging is None:
            raise errors.CloudRefused("images are made with the cloud's own tools")
        return imaging

    @property
    def _making(self) -> ImageMaking:
        making = self._cloud.making
        if making is None:
            raise errors.CloudRefused("images are made with the cloud's own tools")
        return making
