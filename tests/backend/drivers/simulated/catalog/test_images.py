from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from backend.drivers.simulated.catalog.images import public_images

AMAZON, CANONICAL, DEBIAN = "137112412989", "099720109477", "136693071363"
LOOKUPS = [
    # name filter, architecture, owner, root device: as configurations in the field ask for them
    ("amzn-ami-hvm-*-x86_64-gp2", "x86_64", AMAZON, "/dev/xvda"),
    ("amzn-ami-minimal-hvm-*", "x86_64", AMAZON, "/dev/xvda"),
    ("amzn2-ami-hvm-*-x86_64-gp2", "x86_64", AMAZON, "/dev/xvda"),
    ("amzn2-ami-hvm-2.0.*-x86_64-gp2", "x86_64", AMAZON, "/dev/xvda"),
    ("amzn2-ami-hvm-*-arm64-gp2", "arm64", AMAZON, "/dev/xvda"),
    ("amzn2-ami-minimal-hvm-*-x86_64-ebs", "x86_64", AMAZON, "/dev/xvda"),
    ("amzn2-ami-kernel-5.10-hvm-*-x86_64-gp2", "x86_64", AMAZON, "/dev/xvda"),
    ("al2023-ami-2023.*-x86_64", "x86_64", AMAZON, "/dev/xvda"),
    ("al2023-ami-2023.*-kernel-6.1-arm64", "arm64", AMAZON, "/dev/xvda"),
    ("al2023-ami-*-kernel-6.1-x86_64", "x86_64", AMAZON, "/dev/xvda"),
    ("al2023-ami-minimal-*-x86_64", "x86_64", AMAZON, "/dev/xvda"),
    ("ubuntu/images/hvm-ssd/ubuntu-xenial-16.04-amd64-server-*", "x86_64", CANONICAL, "/dev/sda1"),
    ("ubuntu/images/hvm-ssd/ubuntu-bionic-18.04-amd64-server-*", "x86_64", CANONICAL, "/dev/sda1"),
    ("ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-*", "x86_64", CANONICAL, "/dev/sda1"),
    ("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*", "x86_64", CANONICAL, "/dev/sda1"),
    ("ubuntu/images/*/ubuntu-jammy-22.04-arm64-server-*", "arm64", CANONICAL, "/dev/sda1"),
    ("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*", "x86_64", CANONICAL, "/dev/sda1"),
    ("debian-11-amd64-*", "x86_64", DEBIAN, "/dev/xvda"),
    ("debian-12-arm64-*", "arm64", DEBIAN, "/dev/xvda"),
    ("Windows_Server-2022-English-Full-Base-*", "x86_64", "801119661308", "/dev/sda1"),
    ("al2023-ami-ecs-hvm-*-x86_64", "x86_64", "591542846629", "/dev/xvda"),
    ("bottlerocket-aws-ecs-2-x86_64-*", "x86_64", "092701018921", "/dev/xvda"),
]


@pytest.mark.parametrize(("pattern", "architecture", "owner", "root"), LOOKUPS)
def test_the_usual_look_ups_find_a_newest_image(pattern, architecture, owner, root):
    images = [image for image in public_images("us-east-1") if image.owner_id == owner]
    found = [image for image in images if fnmatchcase(image.name, pattern)]
    assert len({image.created_at for image in found}) >= 2
    assert {image.owner_alias for image in found} == {"amazon"}
    assert {image.architecture for image in found} == {architecture}
    assert {image.root_device for image in found} == {root}
    assert all(image.root_device_type == "ebs" and image.virtualization == "hvm" for image in found)
    newest = max(found, key=lambda image: image.created_at)
    assert sum(image.created_at == newest.created_at for image in found) == 1


def test_a_loose_look_up_finds_the_minimal_image_as_at_aws():
    found = [
        i for i in public_images("us-east-1") if fnmatchcase(i.name, "al2023-ami-*-x86_64") and "ecs" not in i.name
    ]
    assert "minimal" in max(found, key=lambda image: image.created_at).name


def test_names_and_ids_are_given_once_and_stay():
    here, there = public_images("us-east-1"), public_images("eu-west-1")
    assert len({image.name for image in here}) == len(here) == len(there)
    assert len({image.short_id for image in (*here, *there)}) == 2 * len(here)
    assert len({image.snapshot_id for image in here}) == len(here)
    known = next(image for image in here if image.name == "al2023-ami-2023.12.20260930.0-kernel-6.1-x86_64")
    assert known.id == "2ab54246-4453-5b0d-9ec1-cf14f0b0e159"
    assert [image.created_at for image in here] == sorted(image.created_at for image in here)


def test_attributes_follow_the_architecture_and_the_line():
    for image in public_images("us-east-1"):
        assert image.active
        assert image.public
        if image.architecture == "arm64":
            assert image.boot_mode == "uefi", image.name
        assert (image.platform == "windows") == image.name.startswith("Windows_Server-")
        assert image.imds_v2 == (image.name.startswith("al2023-") or "24.04" in image.name), image.name
        assert image.size_gib >= (30 if image.platform else 2)
