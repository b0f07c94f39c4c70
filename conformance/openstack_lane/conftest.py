"""The real cloud under the server, and clients of its other users."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.clients import client
from conformance.openstack.cloud import state_folder
from conformance.openstack_lane.operator import Operator
from conformance.product import Access, Product, access_from, read_exports


@pytest.fixture(scope="session")
def operator() -> Operator:
    return Operator()


@pytest.fixture(scope="session")
def as_user(server: Access) -> Callable[[str, str], Any]:
    """A client of the server with the keys of one of the cloud's users."""

    def make(user: str, service: str) -> Any:
        keys = read_exports(state_folder() / f"ec2-{user}.env")
        return client(access_from({**keys, "AWS_ENDPOINT_URL": server.url}), service, recorded=False)

    return make


@pytest.fixture(scope="session")
def engine_log(product: Product) -> Callable[[], str]:
    path: Path = product.state / "engine.log"
    return lambda: path.read_text(errors="replace")
