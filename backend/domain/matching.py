"""Whether a node is made from what its cluster asks for now. Pure."""

from __future__ import annotations

from backend.domain.node import Node
from backend.domain.profile import ProfileRef


def matches(node: Node, wanted: ProfileRef) -> bool:
    """Whether a node was made from that version of that template; of launch configurations nobody can say.

    Source: Auto Scaling User Guide, "Use an instance refresh with skip matching": the launch template and its version.
    """
    made = node.profile
    return (
        made is not None
        and wanted.template_id is not None
        and (made.template_id, made.template_version) == (wanted.template_id, wanted.template_version)
    )
