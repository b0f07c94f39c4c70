import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind
from backend.services import entries
from tests.factories import NOW, cluster, node

WEB = cluster()


@pytest.mark.parametrize(
    ("kind", "status", "progress"),
    [
        (ActivityKind.TERMINATE, ActivityStatus.IN_PROGRESS, 0),
        (ActivityKind.ATTACH, ActivityStatus.IN_PROGRESS, 0),
        (ActivityKind.DETACH, ActivityStatus.IN_PROGRESS, 50),
        (ActivityKind.ENTER_STANDBY, ActivityStatus.IN_PROGRESS, 50),
        (ActivityKind.EXIT_STANDBY, ActivityStatus.PRE_IN_SERVICE, 30),
    ],
)
def test_opened(kind, status, progress):
    member = node(WEB)
    cause = entries.moved(CauseKind.USER_DETACHED, member, NOW, None)
    entry = entries.opened(WEB, kind, member, [cause], NOW)
    assert (entry.status, entry.progress, entry.ended_at) == (status, progress, None)
    assert (entry.cluster_id, entry.node_id, entry.server_id) == (WEB.id, member.id, member.server_id)
    assert (entry.zone, entry.subnet_id, entry.causes) == (member.zone, member.subnet_id, (cause,))


def test_moved_tells_its_step_where_there_is_one():
    member = node(WEB, "a")
    short = member.server_id.replace("-", "")[:17]
    assert entries.moved(CauseKind.USER_DETACHED, member, NOW, None).data == {"server": short}
    stepped = entries.moved(CauseKind.USER_DETACHED, member, NOW, (3, 2))
    assert stepped.data == {"server": short, "before": 3, "after": 2}
