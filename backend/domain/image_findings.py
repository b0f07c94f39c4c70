"""Findings about images. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class ImageNotFound(Finding):
    image: str


@dataclass(eq=False)
class ImageNameTaken(Finding):
    """The project has an image of that name, with that id of the cloud."""

    name: str
    image_id: str


@dataclass(eq=False)
class ImageNotOwned(Finding):
    """The image, of that id of the cloud, is somebody else's."""

    image_id: str


@dataclass(eq=False)
class ImagesExhausted(Finding):
    """The project has ``limit`` images in the region."""

    limit: int
