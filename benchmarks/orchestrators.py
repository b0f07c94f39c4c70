"""Senlin and Heat as contestants: a cluster and an AutoScalingGroup, each with a session of their user's own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from openstack.connection import Connection

from benchmarks.scaling import HEAT, SENLIN
from benchmarks.workload import FLAVOR, IMAGE, USER, Workload, wait
from conformance.openstack import peers
from conformance.openstack.cloud import connect
from conformance.openstack.settings import settle

_NAME = "bench"
_MOST = 1000
_MINUTES = 20


class Orchestrator:
    """What both have in common: a service that is started for its turn, and asked with a token."""

    name = ""
    service = ""

    def __init__(self, workload: Workload, environment: Mapping[str, str]) -> None:
        self.workload = workload
        self._environment = environment
        self._cloud: Connection

    @contextmanager
    def standing(self) -> Iterator[None]:
        settings = settle(self.workload.state, None)
        with (
            peers.running(settings, self.service, self._environment),
            connect(USER, self.workload.state) as self._cloud,
        ):
            self.clear()
            self.make()
            yield
            self.clear()

    def grow(self) -> float:
        begun = time.monotonic()
        self.resize(self.workload.number)
        return time.monotonic() - begun

    def shrink(self) -> None:
        self.resize(0)

    def make(self) -> None:
        raise NotImplementedError

    def resize(self, number: int) -> None:
        raise NotImplementedError

    def clear(self) -> None:
        """Delete all that the project has of it: the project is the benchmark's alone."""
        raise NotImplementedError

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's document, None where it is none."""
        answer = self._cloud.session.request(
            path,
            method,
            json=body,
            endpoint_filter={"service_type": peers.CATALOG[self.service][0], "interface": "public"},
            headers={"OpenStack-API-Version": "clustering 1.14"},
            raise_exc=False,
        )
        if answer.status_code >= 400:
            raise SystemExit(f"{self.name}: {method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if "json" in answer.headers.get("Content-Type", "") and answer.content else None

    def server(self) -> dict[str, Any]:
        """The workload's server in the words of both."""
        work = self.workload
        network = self._cloud.network.find_network(work.network).id
        zone = {"availability_zone": work.zones[0]} if len(work.zones) == 1 else {}
        return {"image": IMAGE, "flavor": FLAVOR, "networks": [{"network": network}], **zone}


class Senlin(Orchestrator):
    """A cluster, resized by an action that succeeds when every node is active."""

    name = SENLIN
    service = "senlin"

    def make(self) -> None:
        spec = {"type": "os.nova.server", "version": "1.0", "properties": {"name": _NAME, **self.server()}}
        profile = self.ask("POST", "/v1/profiles", {"profile": {"name": _NAME, "spec": spec}})["profile"]["id"]
        cluster = {"name": _NAME, "profile_id": profile, "min_size": 0, "max_size": _MOST, "desired_capacity": 0}
        self._id = self.ask("POST", "/v1/clusters", {"cluster": cluster})["cluster"]["id"]
        path = f"/v1/clusters/{self._id}"
        wait("the cluster is active", lambda: self.ask("GET", path)["cluster"]["status"] == "ACTIVE")

    def resize(self, number: int) -> None:
        asked = {"adjustment_type": "EXACT_CAPACITY", "number": number, "strict": True}
        action = self.ask("POST", f"/v1/clusters/{self._id}/actions", {"resize": asked})["action"]

        def done() -> bool:
            found = self.ask("GET", f"/v1/actions/{action}")["action"]
            if found["status"] in {"FAILED", "CANCELLED"}:
                raise SystemExit(f"Senlin: {found['status']} {found['status_reason']}")
            return bool(found["status"] == "SUCCEEDED")

        wait("the cluster is resized", done)

    def clear(self) -> None:
        for cluster in self.ask("GET", "/v1/clusters")["clusters"]:
            self.ask("DELETE", f"/v1/clusters/{cluster['id']}")
        wait("the clusters are gone", lambda: not self.ask("GET", "/v1/clusters")["clusters"])
        for profile in self.ask("GET", "/v1/profiles")["profiles"]:
            self.ask("DELETE", f"/v1/profiles/{profile['id']}")


class Heat(Orchestrator):
    """A stack of an AutoScalingGroup, updated to another desired capacity; complete when every server is active."""

    name = HEAT
    service = "heat"

    def make(self) -> None:
        self._template = {"type": "OS::Nova::Server", "properties": self.server()}
        made = self.ask("POST", "/stacks", {"stack_name": _NAME, **self._wanted(0)})["stack"]["id"]
        self._path = f"/stacks/{_NAME}/{made}"
        self._wait("CREATE")

    def resize(self, number: int) -> None:
        self.ask("PUT", self._path, self._wanted(number))
        self._wait("UPDATE")

    def clear(self) -> None:
        for stack in self.ask("GET", "/stacks")["stacks"]:
            self.ask("DELETE", f"/stacks/{stack['stack_name']}/{stack['id']}")
        wait("the stacks are gone", lambda: not self.ask("GET", "/stacks")["stacks"])

    def _wanted(self, number: int) -> dict[str, Any]:
        group = {"min_size": 0, "max_size": _MOST, "desired_capacity": number, "resource": self._template}
        resources = {"group": {"type": "OS::Heat::AutoScalingGroup", "properties": group}}
        return {
            "template": {"heat_template_version": "2018-08-31", "resources": resources},
            "timeout_mins": _MINUTES,
        }

    def _wait(self, action: str) -> None:
        def done() -> bool:
            stack = self.ask("GET", self._path)["stack"]
            if stack["stack_status"].endswith("_FAILED"):
                raise SystemExit(f"Heat: {stack['stack_status']} {stack['stack_status_reason']}")
            return bool(stack["stack_status"] == f"{action}_COMPLETE")

        wait(f"the stack's {action}", done)
