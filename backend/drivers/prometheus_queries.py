"""What Prometheus is asked, in PromQL, for what exporters of OpenStack's servers and of Octavia tell. Pure.

In a query ``%servers%`` and ``%pools%`` stand for a regular expression of ids, ``%window%`` for the time that rates are
taken over. It answers a series for each server, or pool, whose id is the value of one label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backend.drivers.metric_sources import Measure


class CpuUnit(StrEnum):
    """What a query for CPU answers in."""

    PERCENT = "percent"  # of all processors of the server together
    CORES = "cores"  # seconds of processors a second, which are divided by how many there are


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and which label of the answers tells whom they are of."""

    text: str
    label: str
    unit: CpuUnit = CpuUnit.PERCENT

    def about(self, ids: Sequence[str], window: str) -> str:
        """The question about these; their ids are letters, digits and hyphens."""
        named = "|".join(ids)
        return self.text.replace("%servers%", named).replace("%pools%", named).replace("%window%", window)


_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _of_ceilometer(direction: str) -> Query:
    """Ports' resources are called after their servers: NAME-UUID-TAP."""
    rate = f'rate(ceilometer_network_{direction}_bytes{{resource=~".*(%servers%).*"}}[%window%])'
    named = f'label_replace({rate}, "resource", "$1", "resource", ".*?({_UUID}).*")'
    return Query(f"60 * sum by (resource) ({named})", "resource")


def _joined(metric: str) -> str:
    """Of a domain of libvirt, with the id of its server from what the exporter knows of Nova."""
    info = 'libvirt_domain_openstack_info{instance_id=~"%servers%"}'
    return (
        f"sum by (instance_id) (sum by (domain, instance) ({metric})"
        f" * on (domain, instance) group_left (instance_id) {info})"
    )


def _rate(metric: str, label: str = "") -> str:
    matcher = f'{{{label}=~"%servers%"}}' if label else ""
    return f"rate(libvirt_domain_{metric}{matcher}[%window%])"


_CPU: Final = "info_cpu_time_seconds_total"
_RECEIVED: Final = "interface_stats_receive_bytes_total"
_SENT: Final = "interface_stats_transmit_bytes_total"

_OCTAVIA: Final = Query(
    '60 * sum by (pool) (rate(octavia_pool_http_requests_total{pool=~"%pools%"}[%window%]))', "pool"
)
"""Of listeners of the protocol PROMETHEUS. Source: octavia/cmd/prometheus_proxy.py."""

PRESETS: Final[Mapping[str, Mapping[Measure, Query]]] = {
    # Source: openstack/watcher, decision_engine/datasources/prometheus.py: nanoseconds by resource.
    "ceilometer": {
        Measure.CPU: Query(
            'sum by (resource) (rate(ceilometer_cpu{resource=~"%servers%"}[%window%])) / 1e9', "resource", CpuUnit.CORES
        ),
        Measure.NETWORK_IN: _of_ceilometer("incoming"),
        Measure.NETWORK_OUT: _of_ceilometer("outgoing"),
        Measure.REQUESTS: _OCTAVIA,
    },
    # prometheus-libvirt-exporter with its metric of OpenStack's names.
    "libvirt": {
        Measure.CPU: Query(_joined(_rate(_CPU)), "instance_id", CpuUnit.CORES),
        Measure.NETWORK_IN: Query(f"60 * {_joined(_rate(_RECEIVED))}", "instance_id"),
        Measure.NETWORK_OUT: Query(f"60 * {_joined(_rate(_SENT))}", "instance_id"),
        Measure.REQUESTS: _OCTAVIA,
    },
    # libvirt_exporter whose every metric has the UUID of the domain, which is the server's id.
    "libvirt-uuid": {
        Measure.CPU: Query(f"sum by (uuid) ({_rate(_CPU, 'uuid')})", "uuid", CpuUnit.CORES),
        Measure.NETWORK_IN: Query(f"60 * sum by (uuid) ({_rate(_RECEIVED, 'uuid')})", "uuid"),
        Measure.NETWORK_OUT: Query(f"60 * sum by (uuid) ({_rate(_SENT, 'uuid')})", "uuid"),
        Measure.REQUESTS: _OCTAVIA,
    },
    "none": {},
}
