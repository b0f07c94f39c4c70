"""Public parameters that name images: which there are, and the image that each means. Pure.

A parameter means the newest public image of a name; the operator may say of which, for images that have others here.

Source: Systems Manager User Guide, "Discovering public parameters"; the pages of Amazon Linux, Ubuntu, Debian, Amazon
ECS, Bottlerocket and Windows about their AMIs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from backend.domain.parameters import ALIAS, PUBLIC
from backend.drivers.images import Image

_ARCHITECTURES: Final = (("x86_64", "amd64"), ("arm64", "arm64"))


def _linux(aws: str) -> Iterator[tuple[str, str]]:
    top = f"{PUBLIC}ami-amazon-linux-latest/"
    for kernel, really in (("default", "6.1"), ("6.1", "6.1"), ("6.12", "6.12")):
        yield f"{top}al2023-ami-kernel-{kernel}-{aws}", f"al2023-ami-2???.*-kernel-{really}-{aws}"
        yield f"{top}al2023-ami-minimal-kernel-{kernel}-{aws}", f"al2023-ami-minimal-*-kernel-{really}-{aws}"
    yield f"{top}amzn2-ami-hvm-{aws}-gp2", f"amzn2-ami-hvm-*-{aws}-gp2"
    yield f"{top}amzn2-ami-kernel-5.10-hvm-{aws}-gp2", f"amzn2-ami-kernel-5.10-hvm-*-{aws}-gp2"
    yield f"{top}amzn2-ami-minimal-hvm-{aws}-ebs", f"amzn2-ami-minimal-hvm-*-{aws}-ebs"
    if aws == "x86_64":
        yield f"{top}amzn2-ami-hvm-x86_64-ebs", "amzn2-ami-hvm-*-x86_64-ebs"
        yield f"{top}amzn2-ami-kernel-5.10-hvm-x86_64-ebs", "amzn2-ami-kernel-5.10-hvm-*-x86_64-ebs"
        yield f"{top}amzn-ami-hvm-x86_64-gp2", "amzn-ami-hvm-*-x86_64-gp2"


def _others(aws: str, deb: str) -> Iterator[tuple[str, str]]:
    for version, codename, volume in (
        ("18.04", "bionic", "gp2"),
        ("20.04", "focal", "gp2"),
        ("22.04", "jammy", "gp2"),
        ("24.04", "noble", "gp3"),
    ):
        folder = "hvm-ssd-gp3" if volume == "gp3" else "hvm-ssd"
        image = f"ubuntu/images/{folder}/ubuntu-{codename}-{version}-{deb}-server-*"
        for called in (version, codename):
            path = f"{PUBLIC}canonical/ubuntu/server/{called}/stable/current/{deb}/hvm/ebs-{volume}/ami-id"
            yield path, image
    for release, codename in (("11", "bullseye"), ("12", "bookworm")):
        for called in (release, codename):
            yield f"{PUBLIC}debian/release/{called}/latest/{deb}", f"debian-{release}-{deb}-*"
    arm = "/arm64" if aws == "arm64" else ""
    for system, image in (
        ("amazon-linux-2", f"amzn2-ami-ecs-hvm-*-{aws}-ebs"),
        ("amazon-linux-2023", f"al2023-ami-ecs-hvm-*-{aws}"),
    ):
        yield f"{PUBLIC}ecs/optimized-ami/{system}{arm}/recommended/image_id", image
    yield f"{PUBLIC}bottlerocket/aws-ecs-2/{aws}/latest/image_id", f"bottlerocket-aws-ecs-2-{aws}-v*"


def _usual() -> Iterator[tuple[str, str]]:
    for aws, deb in _ARCHITECTURES:
        yield from _linux(aws)
        yield from _others(aws, deb)
    for year in ("2019", "2022"):
        name = f"Windows_Server-{year}-English-Full-Base"
        yield f"{PUBLIC}ami-windows-latest/{name}", f"{name}-*"


USUAL: Final[Mapping[str, str]] = dict(_usual())
"""Name of a parameter -> name of its images, with ``*`` and ``?``."""


def alias_of(image: str) -> str | None:
    """The name of the public parameter that stands for an image's id; None where none does."""
    name = image.removeprefix(ALIAS)
    return name if image.startswith(ALIAS) and name.startswith(PUBLIC) else None


def meant(pattern: str, images: Sequence[Image]) -> Sequence[Image]:
    """The public images of a name, oldest first: the last one is meant."""
    found = [each for each in images if each.public and each.active and fnmatchcase(each.name, pattern)]
    return sorted(found, key=lambda image: (image.created_at, image.id))
