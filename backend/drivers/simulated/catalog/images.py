"""Public images under the names, owners and attributes that the usual AMI look-ups ask for.

A line of images has two or three releases, so that "most recent" has something to choose from. Ids differ between
regions, as at AWS.

Source: the AMI names that Amazon, Canonical and Debian publish; owners and devices as EC2's DescribeImages tells them.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from backend.drivers.images import Image

AMAZON = "137112412989"
CANONICAL = "099720109477"
DEBIAN = "136693071363"
WINDOWS = "801119661308"
ECS = "591542846629"
BOTTLEROCKET = "092701018921"

_NAMESPACE = uuid.UUID("5f0b1a55-6d7f-5f0c-9c35-3c1e7d1f8a10")
_DEBIAN_NAMES = {"x86_64": "amd64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A published line of images.

    Attributes:
        name: with ``{release}``, ``{arch}`` (AWS's word) and ``{deb}`` (Debian's word).
        releases: each ``release text @ publication date``; oldest first.
        minutes: of the day at which it is published; lines of one day keep their order by it.
    """

    name: str
    description: str
    owner: str
    releases: tuple[str, ...]
    architectures: tuple[str, ...] = ("x86_64", "arm64")
    root: str = "/dev/xvda"
    volume_type: str = "gp2"
    size_gib: int = 8
    minutes: int = 300
    boot_mode: str | None = None
    imds_v2: bool = False
    platform: str | None = None
    platform_details: str = "Linux/UNIX"
    virtualization: str = "hvm"


_AL1 = ("2018.03.0.20230404.0@2023-04-06", "2018.03.0.20231218.0@2023-12-20")
_AL2 = ("2.0.20250801.0@2025-08-04", "2.0.20260109.0@2026-01-13", "2.0.20260930.0@2026-10-02")
_INTEL = ("x86_64",)
_BOTH = ("x86_64", "arm64")
_AL2_KINDS = (
    ("hvm", "Amazon Linux 2 AMI", "gp2", _BOTH),
    ("hvm", "Amazon Linux 2 AMI", "ebs", _INTEL),
    ("minimal-hvm", "Amazon Linux 2 AMI", "ebs", _BOTH),
    ("kernel-5.10-hvm", "Amazon Linux 2 Kernel 5.10 AMI", "gp2", _BOTH),
    ("kernel-5.10-hvm", "Amazon Linux 2 Kernel 5.10 AMI", "ebs", _INTEL),
    ("minimal-kernel-5.10-hvm", "Amazon Linux 2 Kernel 5.10 AMI", "gp2", _BOTH),
)
_AL2023 = ("2023.6.20241121.0@2024-11-22", "2023.9.20251117.1@2025-11-18", "2023.12.20260930.0@2026-10-02")
_AL2023_KERNEL_612 = ("2023.9.20251117.1@2025-11-18", "2023.12.20260930.0@2026-10-02")


def _amazon_linux() -> Iterator[_Line]:
    one = "Amazon Linux AMI {release} {arch}"
    for kind, words, volume, root in (
        ("hvm", "HVM gp2", "gp2", "/dev/xvda"),
        ("hvm", "HVM ebs", "standard", "/dev/xvda"),
        ("minimal-hvm", "Minimal HVM ebs", "standard", "/dev/xvda"),
        ("pv", "PV ebs", "standard", "/dev/sda1"),
    ):
        yield _Line(
            f"amzn-ami-{kind}-{{release}}-{{arch}}-{words.rsplit(' ', 1)[1]}",
            f"{one} {words}",
            AMAZON,
            _AL1,
            _INTEL,
            root=root,
            volume_type=volume,
            size_gib=2 if "Minimal" in words else 8,
            virtualization="paravirtual" if kind == "pv" else "hvm",
        )
    for kind, words, ending, architectures in _AL2_KINDS:
        minimal = " Minimal" if "minimal" in kind else ""
        yield _Line(
            f"amzn2-ami-{kind}-{{release}}-{{arch}}-{ending}",
            f"{words} {{release}} {{arch}}{minimal} HVM {ending}",
            AMAZON,
            _AL2,
            architectures,
            volume_type="gp2" if ending == "gp2" else "standard",
            size_gib=2 if minimal else 8,
            minutes=310 if "kernel" in kind else 300,
        )


def _amazon_linux_2023() -> Iterator[_Line]:
    for kernel, releases in (("6.1", _AL2023), ("6.12", _AL2023_KERNEL_612)):
        for minimal, words, size, minutes in (("", "", 8, 300), ("minimal-", " Minimal", 2, 330)):
            yield _Line(
                f"al2023-ami-{minimal}{{release}}-kernel-{kernel}-{{arch}}",
                f"Amazon Linux 2023 AMI {{release}} {{arch}}{words} HVM kernel-{kernel}",
                AMAZON,
                releases,
                size_gib=size,
                minutes=minutes + (10 if kernel == "6.12" else 0),
                volume_type="gp3",
                boot_mode="uefi-preferred",
                imds_v2=True,
            )


_UBUNTU = (
    # codename, version, releases, folder, architectures
    ("xenial", "16.04", ("20210721@2021-07-22", "20210928@2021-09-29"), "hvm-ssd", "gp2"),
    ("bionic", "18.04", ("20230424@2023-04-25", "20230531@2023-06-01"), "hvm-ssd", "gp2"),
    ("focal", "20.04", ("20240821@2024-08-22", "20250610@2025-06-11"), "hvm-ssd", "gp2"),
    ("jammy", "22.04", ("20240927@2024-09-28", "20251212@2025-12-13", "20260904@2026-09-05"), "hvm-ssd", "gp2"),
    ("noble", "24.04", ("20240701.1@2024-07-02", "20251212@2025-12-13", "20260904@2026-09-04"), "hvm-ssd-gp3", "gp3"),
)
_DEBIANS = (
    ("11", ("20240104-1616@2024-01-04", "20240717-1811@2024-07-17"), "legacy-bios"),
    ("12", ("20240717-1811@2024-07-17", "20251112-2294@2025-11-12"), "uefi-preferred"),
)


def _others() -> Iterator[_Line]:
    for codename, version, releases, folder, volume in _UBUNTU:
        for minimal, kind in (("", "server"), ("-minimal", "minimal")):
            top = "ubuntu-minimal/images" if minimal else "ubuntu/images"
            yield _Line(
                f"{top}/{folder}/ubuntu-{codename}-{version}-{{deb}}-{kind}-{{release}}",
                f"Canonical, Ubuntu, {version}, {{deb}} {codename} image"
                if not minimal
                else f"Canonical, Ubuntu Minimal, {version}, {{deb}} {codename} image",
                CANONICAL,
                releases,
                root="/dev/sda1",
                volume_type=volume,
                minutes=720,
                boot_mode="uefi-preferred" if version >= "22.04" else None,
                imds_v2=version >= "24.04",
            )
    for number, releases, boot_mode in _DEBIANS:
        yield _Line(
            f"debian-{number}-{{deb}}-{{release}}",
            f"Debian {number} ({{release}})",
            DEBIAN,
            releases,
            volume_type="gp3",
            boot_mode=boot_mode,
        )
    for year, releases in (
        ("2019", ("2025.12.10@2025-12-11", "2026.09.09@2026-09-10")),
        ("2022", ("2025.12.10@2025-12-11", "2026.09.09@2026-09-10")),
    ):
        yield _Line(
            f"Windows_Server-{year}-English-Full-Base-{{release}}",
            f"Microsoft Windows Server {year} Full Locale English AMI provided by Amazon",
            WINDOWS,
            releases,
            _INTEL,
            root="/dev/sda1",
            size_gib=30,
            platform="windows",
            platform_details="Windows",
        )
    yield from _container_hosts()


def _container_hosts() -> Iterator[_Line]:
    yield _Line(
        "amzn2-ami-ecs-hvm-{release}-{arch}-ebs",
        "Amazon Linux AMI {release} {arch} ECS HVM GP2",
        ECS,
        ("2.0.20251108@2025-11-11", "2.0.20260922@2026-09-24"),
        size_gib=30,
    )
    yield _Line(
        "al2023-ami-ecs-hvm-{release}-kernel-6.1-{arch}",
        "Amazon Linux AMI {release} {arch} ECS HVM EBS",
        ECS,
        ("2023.0.20251108@2025-11-11", "2023.0.20260922@2026-09-24"),
        size_gib=30,
        volume_type="gp3",
        boot_mode="uefi-preferred",
        imds_v2=True,
    )
    yield _Line(
        "bottlerocket-aws-ecs-2-{arch}-{release}",
        "bottlerocket-aws-ecs-2-{arch}-{release}",
        BOTTLEROCKET,
        ("v1.20.5-a3e8bda1@2024-07-12", "v1.26.2-360b7a38@2024-11-07"),
        size_gib=2,
        boot_mode="uefi-preferred",
    )


@lru_cache(maxsize=32)
def public_images(region: str) -> tuple[Image, ...]:
    """The public images of a region, oldest first."""
    lines = (*_amazon_linux(), *_amazon_linux_2023(), *_others())
    found = [image for line in lines for image in _published(line, region)]
    return tuple(sorted(found, key=lambda image: (image.created_at, image.name)))


def _published(line: _Line, region: str) -> Iterator[Image]:
    for entry in line.releases:
        release, day = entry.split("@")
        published = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=line.minutes)
        for architecture in line.architectures:
            words = {"release": release, "arch": architecture, "deb": _DEBIAN_NAMES[architecture]}
            name = line.name.format(**words)
            yield Image(
                id=str(uuid.uuid5(_NAMESPACE, f"{region}/image/{name}")),
                name=name,
                description=line.description.format(**words),
                owner_id=line.owner,
                owner_alias="amazon",
                architecture=architecture,
                created_at=published + timedelta(seconds=zlib.crc32(name.encode()) % 60),  # no two of a line at once
                size_gib=line.size_gib,
                root_device=line.root,
                virtualization=line.virtualization,
                volume_type=line.volume_type,
                snapshot_id=str(uuid.uuid5(_NAMESPACE, f"{region}/snapshot/{name}")),
                boot_mode="uefi" if architecture == "arm64" else line.boot_mode,
                platform=line.platform,
                platform_details=line.platform_details,
                ena=line.virtualization == "hvm",
                imds_v2=line.imds_v2,
            )
