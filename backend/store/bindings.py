"""What a launch source names that only rows know: instance profiles, made interfaces, and images by parameters of the
project's own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from backend.domain.address_findings import InterfaceMissing
from backend.domain.identities import PROFILE_TAG, InstanceProfile, everywhere, named_profile
from backend.domain.image_findings import ImageNotFound
from backend.domain.launch_findings import IamProfileNotFound
from backend.domain.parameters import (
    ALIAS,
    PUBLIC,
    ParameterMissing,
    ParameterType,
    ParameterVersionMissing,
    selected,
)
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.store import addresses, identities, parameters

_IMAGE: Final = re.compile(r"ami-([0-9a-f]{17})")


def bound(conn: Connection, scope: Scope, spec: ServerSpec) -> ServerSpec:
    """The spec with what rows know in the place of names; nothing is read where it names nothing of them.

    Raises:
        IamProfileNotFound: there is no such instance profile, or it is empty.
        ImageNotFound: there is no such parameter, or its value is no image's id.
        InterfaceMissing
    """
    if spec.iam_profile is not None:
        found = profile(conn, scope, spec.iam_profile)
        spec = replace(spec, iam_profile=None, tags={**spec.tags, PROFILE_TAG: found.note})
    if spec.image is not None and spec.image.startswith(ALIAS):
        spec = replace(spec, image=image(conn, scope, spec.image))
    if spec.interface is not None:
        spec = on_interface(conn, scope, spec, spec.interface)
    return spec


def on_interface(conn: Connection, scope: Scope, spec: ServerSpec, interface_id: str) -> ServerSpec:
    """The spec in the subnet and the groups of a made interface, which is named by the cloud's id of it then.

    Source: EC2 User Guide, "Public IPv4 addresses": what is launched with an interface is given no public address.

    Raises:
        InterfaceMissing
    """
    found = addresses.INTERFACES.one(conn, scope, id=interface_id)
    if found is None:
        raise InterfaceMissing(interface_id)
    return replace(
        spec,
        interface=found.cloud_id,
        subnet=found.subnet,
        security_group_ids=found.groups,
        security_group_names=(),
        public_address=False,
    )


def image(conn: Connection, scope: Scope, alias: str) -> str:
    """The short id of the image that a parameter of the project's own names; any other reference as it is.

    Raises:
        ImageNotFound: there is no such parameter, or its value is no image's id.
    """
    if not alias.startswith(ALIAS) or alias.startswith(ALIAS + PUBLIC):
        return alias
    name, selector = selected(alias.removeprefix(ALIAS))
    try:
        found = parameters.find(conn, scope, name, selector)
    except (ParameterMissing, ParameterVersionMissing):
        raise ImageNotFound(alias) from None
    named = _IMAGE.fullmatch(found.value) if found.type is ParameterType.STRING else None
    if named is None:
        raise ImageNotFound(alias)
    return named[1]


def profile(conn: Connection, scope: Scope, reference: str) -> InstanceProfile:
    """The instance profile of a name or an ARN, which must have a role. Raises IamProfileNotFound."""
    name, path = named_profile(reference)
    found = identities.named(identities.PROFILES, conn, everywhere(scope), name)
    if found is None or (path is not None and path != found.path):
        raise IamProfileNotFound(reference)
    if found.role_id is None:
        raise IamProfileNotFound(reference, empty=True)
    return found
