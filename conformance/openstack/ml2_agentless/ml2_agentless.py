"""Neutron's ports on hosts without a network: bound at once, to any host, by no agent.

Neutron loads it as the ML2 mechanism driver ``agentless``. It reports what an agent would report in the end, so that a
port is ACTIVE as soon as a server has it. Nothing carries packets but where a host has real guests: Nova makes a tap
for the port there, and ``conformance.openstack.guests.wires`` joins it to its network.
"""

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api

_DETAILS = {
    portbindings.CAP_PORT_FILTER: True,
    portbindings.VIF_DETAILS_CONNECTIVITY: portbindings.CONNECTIVITY_L2,
}


class AgentlessMechanismDriver(api.MechanismDriver):
    """Binds each port to the first segment it is offered."""

    def initialize(self):
        """Nothing to prepare: there is no agent to talk to."""

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        for segment in context.segments_to_bind[:1]:
            context.set_binding(
                segment[api.ID], portbindings.VIF_TYPE_TAP, dict(_DETAILS), status=constants.PORT_STATUS_ACTIVE
            )
