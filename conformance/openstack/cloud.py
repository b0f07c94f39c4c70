"""The test cloud as the suites meet it: openstacksdk connections by the names of its clouds.yaml."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import openstack
import openstack.config
from openstack.connection import Connection

from conformance.openstack.settings import DEFAULT_STATE

VARIABLE = "COPPICE_OPENSTACK_STATE"


class NoCloud(Exception):
    """There is no test cloud; the words say how to have one."""


def state_folder() -> Path:
    """Where the test cloud lies: ``COPPICE_OPENSTACK_STATE``, else ``.openstack`` of this tree."""
    return Path(os.environ.get(VARIABLE) or DEFAULT_STATE).resolve()


def connect(cloud: str, state: Path | None = None, region: str | None = None) -> Connection:
    """A connection as one of the cloud's users.

    Args:
        cloud: ``admin``, ``coppice`` (the service user in its own project), ``coppice-system`` (the same, on the whole
            system), ``demo``, ``other``, ``reader``, ``bare`` or ``bench``.
        region: None is the first one.

    Raises:
        NoCloud: it was never brought up.
    """
    file = (state or state_folder()) / "clouds.yaml"
    if not file.exists():
        raise NoCloud(f"{file} is missing: bring the test cloud up first (`make openstack-up`)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that are not used here: metrics of the SDK's own
        config = openstack.config.OpenStackConfig(config_files=[str(file)], load_envvars=False)
        return Connection(config=config.get_one(cloud=cloud, region_name=region), app_name="coppice-conformance")
