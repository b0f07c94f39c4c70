"""Octavia's amphorae as processes of this host: a real HAProxy for each balancer, configured by Octavia's own driver.

``Balancers`` is Octavia's driver for amphorae as it is, with its templates, certificates and order of steps; only what
it would tell an amphora's agent over TLS goes to ``host.py`` by a Unix socket. ``Machines`` stands for Nova: an amphora
is no server, but its ports in Neutron are given to it as Nova does it, so that Octavia finds them again.
"""

from __future__ import annotations

import json
import socket
from types import SimpleNamespace
from typing import Any

from octavia.amphorae.drivers.haproxy import exceptions
from octavia.amphorae.drivers.haproxy.rest_api_driver import HaproxyAmphoraLoadBalancerDriver
from octavia.common import clients, constants, data_models
from octavia.compute.drivers.noop_driver.driver import NoopComputeDriver
from oslo_config import cfg

SOCKET = "host.sock"
_SECONDS = 60
_NAME = "amphora-"


class NotDone(Exception):
    """The host could not do it; the words are its own."""


def ask(what: str, **given: Any) -> Any:
    """Have the host do something, and wait for it.

    Raises:
        NotDone: with the host's words.
    """
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(_SECONDS)
        link.connect(f"{cfg.CONF.haproxy_amphora.base_path}/{SOCKET}")
        link.sendall(json.dumps({"what": what, **given}).encode() + b"\n")
        with link.makefile("rb") as answers:
            answer = json.loads(answers.readline())
    if "refused" in answer:
        raise NotDone(answer["refused"])
    return answer["done"]


def _text(document: str | bytes) -> str:
    return document.decode() if isinstance(document, bytes) else document


class Agent:
    """What Octavia's driver asks of an amphora's agent, by the names of its own client."""

    def get_api_version(self, amp: Any, **_: Any) -> dict[str, str]:
        return {"api_version": "1.0"}

    def get_info(self, amp: Any, **_: Any) -> dict[str, str]:
        return {"haproxy_version": ask("version")}

    def get_details(self, amp: Any) -> dict[str, Any]:
        return {}

    def upload_config(self, amp: Any, loadbalancer_id: str, config: str, timeout_dict: Any = None) -> None:
        ask("configure", amphora=amp.id, balancer=loadbalancer_id, config=_text(config))

    def reload_listener(self, amp: Any, object_id: str, timeout_dict: Any = None) -> None:
        ask("load", amphora=amp.id, balancer=object_id)

    start_listener = reload_listener

    def delete_listener(self, amp: Any, object_id: str) -> None:
        ask("end", amphora=amp.id)

    def upload_cert_pem(self, amp: Any, loadbalancer_id: str, pem_filename: str, pem_file: str | bytes) -> None:
        ask("certify", balancer=loadbalancer_id, name=pem_filename, pem=_text(pem_file))

    def get_cert_md5sum(self, amp: Any, loadbalancer_id: str, pem_filename: str, ignore: Any = ()) -> None:
        """Nothing is known of it, so each certificate is uploaded: it is a file on the same disk."""
        raise exceptions.NotFound

    def delete_cert_pem(self, amp: Any, loadbalancer_id: str, pem_filename: str) -> None:
        ask("uncertify", balancer=loadbalancer_id, name=pem_filename)

    def plug_vip(self, amp: Any, vip: str, net_info: dict[str, Any]) -> None:
        further = [each["ip_address"] for each in net_info["additional_vips"]]
        ask("plug", amphora=amp.id, addresses=[vip, net_info["vrrp_ip"], *further])

    def plug_network(self, amp: Any, port: dict[str, Any]) -> None:
        ask("plug", amphora=amp.id, addresses=[each["ip_address"] for each in port["fixed_ips"]])

    def get_interface(self, amp: Any, ip_addr: str, *_: Any, **__: Any) -> dict[str, str]:
        return {"interface": "lo"}

    def update_cert_for_rotation(self, amp: Any, pem_file: Any) -> None:
        """The certificate of an agent's TLS: there is none here."""

    def update_agent_config(self, amp: Any, agent_config: Any, timeout_dict: Any = None) -> None:
        """Settings of an agent's own (where its heartbeats go): the host reads Octavia's file."""

    def upload_udp_config(self, *_: Any, **__: Any) -> None:
        raise NotDone("UDP and SCTP take keepalived and IPVS, which this host has not")

    def set_interface_rules(self, *_: Any, **__: Any) -> None:
        raise NotDone("rules on an interface are for SR-IOV ports, which this host has not")


class Balancers(HaproxyAmphoraLoadBalancerDriver):  # type: ignore[misc]
    """Octavia's ``amphora_driver``."""

    def __init__(self) -> None:
        super().__init__()
        agent = Agent()
        self.clients = {"base": agent, "1.0": agent}


class Machines(NoopComputeDriver):  # type: ignore[misc]
    """Octavia's ``compute_driver``: an amphora's id is also its server's."""

    def __init__(self) -> None:
        """Without the no-op driver's, which makes a database in /tmp."""

    def build(self, name: str = _NAME, **_: Any) -> str:
        return name.removeprefix(_NAME)

    def get_amphora(self, compute_id: str, management_network_id: str | None = None) -> tuple[Any, None]:
        found = data_models.Amphora(compute_id=compute_id, status=constants.ACTIVE, lb_network_ip="127.0.0.1")
        return found, None

    def status(self, compute_id: str) -> str:
        return str(constants.UP)

    def delete(self, compute_id: str) -> None:
        """End its HAProxy, take its addresses away and give its ports back."""
        ask("forget", amphora=compute_id)
        for port in list(self._network.ports(device_id=compute_id)):
            self._network.update_port(port, device_id="", binding_host_id="")

    def attach_network_or_port(
        self, compute_id: str, network_id: str | None = None, ip_address: str | None = None, port_id: str | None = None
    ) -> Any:
        network = self._network
        if port_id is None:
            fixed = [{"ip_address": ip_address}] if ip_address else None
            port_id = network.create_port(network_id=network_id, **({"fixed_ips": fixed} if fixed else {})).id
        # Nova's own words for it: whose the port is, and where.
        port = network.update_port(port_id, device_id=compute_id, binding_host_id="ctl")
        return SimpleNamespace(net_id=port.network_id, port_id=port.id, fixed_ips=port.fixed_ips)

    def detach_port(self, compute_id: str, port_id: str) -> None:
        self._network.update_port(port_id, device_id="", binding_host_id="")

    def create_server_group(self, name: str, policy: str) -> Any:
        return SimpleNamespace(id=None)

    def delete_server_group(self, server_group_id: str) -> None:
        """There are none."""

    def validate_flavor(self, flavor_id: str) -> None:
        """All are as good."""

    def validate_availability_zone(self, availability_zone: str) -> None:
        """All are as good."""

    @property
    def _network(self) -> Any:
        return clients.NeutronAuth.get_neutron_client().network
