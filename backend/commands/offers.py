"""Images and instance types that the embedded cloud offers beside its own, added by hand."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Final
from uuid import UUID

from backend.commands import CannotDo, opening
from backend.commands.line import Command, Told
from backend.commands.operator import opened_cloud, state_argument, state_of
from backend.domain.ids import short_id
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, QuotaExceeded
from backend.drivers.images import GIB, NAME, Image, NewImage
from backend.drivers.simulated import SimulatedCloud
from backend.drivers.simulated.accounts import DEFAULT, CannotKeep
from backend.drivers.simulated.own_flavors import ARCHITECTURES, OwnFlavor
from backend.drivers.simulated.settable import CannotSet, check_region
from backend.services.images import MOST

_AMI: Final = re.compile(r"ami-([0-9a-f]{17})")
_PLATFORMS: Final = {"linux": (None, "Linux/UNIX"), "windows": ("windows", "Windows")}

Work = Callable[[SimulatedCloud, argparse.Namespace], Told]


def _on_cloud(work: Work) -> Callable[[argparse.Namespace], Told]:
    """The work on the embedded cloud; what it refuses is told as what cannot be done."""

    def carry_out(asked: argparse.Namespace) -> Told:
        if opening.settings().driver != "simulated":
            raise CannotDo("images and types are the cloud's: openstack image create, openstack flavor create")
        simulated = opened_cloud(asked)
        try:
            return work(simulated, asked)
        except (CannotSet, CannotKeep, CloudUnavailable, QuotaExceeded) as reason:
            raise CannotDo(str(reason)) from reason
        finally:
            simulated.close()

    return carry_out


def _scopes(simulated: SimulatedCloud, asked: argparse.Namespace) -> list[Scope]:
    present = replace(opening.settings(), state=str(state_of(asked)))
    project = opening.accounts_of(present).named(asked.account).project
    regions = asked.regions or [simulated.settings.regions[0]]
    for region in regions:
        check_region(simulated.settings, region)
    return [Scope(project, region) for region in regions]


def _add_images(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    found = _AMI.fullmatch(asked.image)
    if found is None:
        raise CannotDo(f"{asked.image} is no id of an image: ami- and 17 digits of 0-9, a-f")
    name = asked.name or asked.image
    if not NAME.fullmatch(name):
        raise CannotDo("a name has 3 to 128 letters, digits, blanks and ()[]./-'@_")
    if asked.size not in GIB:
        raise CannotDo(f"{asked.size} GiB are not possible: {GIB[0]} to {GIB[-1]}")
    platform, details = _PLATFORMS[asked.platform]
    new = NewImage(
        name=name,
        description="added by coppice image add",
        architecture=asked.architecture,
        size_gib=asked.size,
        platform=platform,
        platform_details=details,
    )
    ids = {scope: _image_id(scope, found[1]) for scope in _scopes(simulated, asked)}
    with simulated.projects.together():
        for scope, image_id in ids.items():
            _check_free(simulated.projects.images(scope, withdrawn=True), scope, image_id, name)
            simulated.projects.make_image(scope, new, MOST, image_id)
    told = ", ".join(asked.regions or simulated.settings.regions[:1])
    return f"Image {asked.image} is {asked.account}'s in {told}."


def _image_id(scope: Scope, short: str) -> str:
    """An id of EC2's is the beginning of one of the cloud's; the rest is told by where the image is."""
    rest = hashlib.sha256(f"{scope.region}/{scope.project_id}".encode()).hexdigest()
    return str(UUID(hex=(short + rest)[:32]))


def _check_free(known: Sequence[Image], scope: Scope, image_id: str, name: str) -> None:
    """Raise CannotDo where the id or the name is another image's; that which was added under the id is made anew."""
    for image in known:
        if image.id == image_id:
            continue
        if image.short_id == short_id(image_id):
            whose = "a public one" if image.public else "registered by its account"
            raise CannotDo(f"ami-{image.short_id} is an image in {scope.region} already, {whose}")
        if image.name == name and not image.public:
            raise CannotDo(f"ami-{image.short_id} in {scope.region} has the name {name}")


def _list_images(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    return [
        {
            "image": f"ami-{image.short_id}",
            "region": scope.region,
            "name": image.name,
            "architecture": image.architecture,
            "owner": image.owner_alias or asked.account,
        }
        for scope in _scopes(simulated, asked)
        for image in simulated.projects.images(scope)
    ]


def _add_type(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    simulated.flavors.add(OwnFlavor(asked.name, asked.vcpus, asked.memory_mib, asked.architecture))
    return f"Type {asked.name} has {asked.vcpus} vCPUs and {asked.memory_mib} MiB, in every zone."


def _list_types(simulated: SimulatedCloud, _asked: argparse.Namespace) -> Told:
    return [asdict(each) for each in simulated.flavors.all()]


def _drop_type(simulated: SimulatedCloud, asked: argparse.Namespace) -> Told:
    simulated.flavors.drop(asked.name)
    return f"Type {asked.name} is offered no more; servers of it stay."


def _place_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", default=DEFAULT, help=f"its name or id (default: {DEFAULT})")
    parser.add_argument(
        "--region", dest="regions", metavar="REGION", action="append", default=[], help="one or several of them"
    )
    state_argument(parser)


def _image_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="AMI", help="the id that scripts name: ami-0123456789abcdef0")
    parser.add_argument("--name", default="", help="its name (default: the id)")
    parser.add_argument("--size", type=int, default=8, help="of its disk, in GiB (default: 8)")
    parser.add_argument("--platform", choices=tuple(_PLATFORMS), default="linux")
    _architecture_argument(parser)
    _place_arguments(parser)


def _architecture_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--architecture", choices=ARCHITECTURES, default=ARCHITECTURES[0])


def _type_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="family.size")
    parser.add_argument("--vcpus", type=int, required=True)
    parser.add_argument("--memory-mib", type=int, required=True)
    _architecture_argument(parser)
    state_argument(parser)


def _named_type(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    state_argument(parser)


COMMANDS: Final = (
    Command("image add", "give an account an image of that id", _on_cloud(_add_images), _image_arguments),
    Command("image list", "the images that an account sees", _on_cloud(_list_images), _place_arguments, looks=True),
    Command("type add", "add an instance type, or change an added one", _on_cloud(_add_type), _type_arguments),
    Command("type list", "the instance types that were added", _on_cloud(_list_types), state_argument, looks=True),
    Command("type drop", "take an added instance type away", _on_cloud(_drop_type), _named_type),
)
