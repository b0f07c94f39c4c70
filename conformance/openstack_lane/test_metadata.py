"""What Neutron's agents are answered for servers of the real cloud: EC2's tree for those that Coppice knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conformance.fleet import Fleet
from conformance.metadata import SECRET, companion
from conformance.openstack_lane.operator import Operator, converged
from conformance.product import Product


class Nova(BaseHTTPRequestHandler):
    """Stands where Nova's own metadata service stands."""

    def do_GET(self) -> None:
        body = f"nova {self.path} {self.headers['X-Instance-ID']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def nova() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Nova) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_agents_are_answered_for_members_of_groups(
    product: Product, fleet: Fleet, operator: Operator, nova: str
) -> None:
    name = fleet.create(1)
    (member,) = converged(fleet, operator, name, 1)
    uuid, project = operator.uuid(member), operator.owner.current_project_id
    with companion(product, OS_METADATA__SECRET=SECRET, OS_METADATA__NOVA_URL=nova) as service:

        def told(path: str) -> tuple[int, str]:
            return service.by_agent(f"/latest/meta-data/{path}", uuid, project)

        assert told("instance-id") == (200, member)
        assert told("autoscaling/target-lifecycle-state") == (200, "InService")
        assert told("local-ipv4") == (200, fleet.servers(name)[0]["PrivateIpAddress"])
        assert told("iam/info")[0] == 404
        assert service.by_agent("/latest/api/token", uuid, project, "PUT")[0] == 200
        path = "/openstack/latest/meta_data.json"
        assert service.by_agent(path, uuid, project) == (200, f"nova {path} {uuid}")
        unknown = "00000000-0000-4000-8000-000000000000"
        assert service.by_agent("/latest/meta-data/", unknown, project)[1] == f"nova /latest/meta-data/ {unknown}"
        assert service.ask("/latest/meta-data/instance-id", headers={"X-Instance-ID": uuid})[0] == 400
    fleet.delete(name)
