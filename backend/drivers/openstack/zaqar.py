"""Messages into Zaqar's queues, in the project that they are about; asks in the name of that project, as all else does.

A message is an object: ``id``, the same however often it comes, ``subject`` and ``attributes`` where there are any, and
``body``, the text that other targets hear. Zaqar makes a queue when the first message comes.

Source: OpenStack Messaging API v2, "Post Message"; zaqar/transport/validation.py.
"""

from __future__ import annotations

import re
from typing import Any, Final

from backend.domain.ids import derived_uuid
from backend.domain.messages import Gone, Refused, Telling, Unreached
from backend.domain.scope import Scope
from backend.drivers.errors import CloudError
from backend.drivers.openstack.rest import MESSAGING, Declined, Rest

KIND: Final = "zaqar"
"""What targets begin with: ``zaqar:NAME``."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECONDS: Final = 345_600
"""How long a message stays: four days, as in queues of Coppice's own where nothing is said."""
_NEVER: Final = frozenset({400, 413, 422})
_GONE: Final = 404


class ZaqarSink:
    """Tells queues of projects."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def send(self, scope: Scope, target: str, telling: Telling) -> None:
        """Put a message into a queue.

        Raises:
            Refused: it is no queue's name, or Zaqar takes no such message.
            Gone: there is no such queue, where Zaqar makes none.
            Unreached: Zaqar could not be asked, or does not let us in.
        """
        name = target.removeprefix(f"{KIND}:")
        if not _NAME.fullmatch(name):
            raise Refused(f"{KIND}: is followed by the name of a queue: at most 64 letters, digits, '_' and '-'")
        message = {"ttl": _SECONDS, "body": _told(telling)}
        try:
            self._rest.write(
                scope,
                MESSAGING,
                "POST",
                f"/queues/{name}/messages",
                {"messages": [message]},
                # Whoever hears a queue is not told what they sent themselves: by this.
                headers={"Client-ID": derived_uuid("coppice", scope.project_id)},
            )
        except Declined as error:
            words = f"Zaqar answered {error.status}: {error.message}"
            if error.status == _GONE:
                raise Gone(words) from error
            raise (Refused if error.status in _NEVER else Unreached)(words) from error
        except CloudError as error:  # where the answer was lost it may be there, and comes again under its id
            raise Unreached(f"Zaqar could not be asked: {error}") from error


def _told(telling: Telling) -> dict[str, Any]:
    told: dict[str, Any] = {"id": telling.id, "body": telling.body}
    if telling.subject is not None:
        told["subject"] = telling.subject
    if telling.attributes:
        told["attributes"] = dict(telling.attributes)
    return told
