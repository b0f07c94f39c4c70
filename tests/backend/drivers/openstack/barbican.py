"""A little Barbican: secrets of one project by their names, as far as certificates of listeners ask."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.backend.drivers.openstack.fake import HOST, Asked, FakeServices, Reply

SECRETS = "/keys/v1/secrets"


def barbican_error(status: int, description: str, title: str = "Forbidden") -> Reply:
    return Reply(status, {"code": status, "title": title, "description": description})


@dataclass
class FakeBarbican:
    """Its secrets by id, as they were sent. ``refuses`` answers whatever makes one; ``most`` are on one page."""

    services: FakeServices
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuses: Reply | None = None
    most: int = 100
    _made: int = 0

    def __post_init__(self) -> None:
        self.services.on("GET", SECRETS, self._list)
        self.services.on("POST", SECRETS, self._create)
        self.services.on("DELETE", f"{SECRETS}/.*", self._delete)

    def add(self, body: dict[str, Any]) -> str:
        self._made += 1
        identity = f"{self._made:08d}-0000-4000-8000-00000000cafe"
        self.secrets[identity] = body
        return self.reference(identity)

    @staticmethod
    def reference(identity: str) -> str:
        return f"{HOST}{SECRETS}/{identity}"

    @property
    def names(self) -> list[str]:
        return [each["name"] for each in self.secrets.values()]

    def _list(self, asked: Asked) -> Reply:
        """Names are compared as SQL's LIKE does."""
        (name,), (limit,), (offset,) = (asked.query[each] for each in ("name", "limit", "offset"))
        pattern = "".join(".*" if each == "%" else "." if each == "_" else re.escape(each) for each in name)
        found = [
            {"secret_ref": self.reference(identity), "name": each["name"], "status": "ACTIVE"}
            for identity, each in self.secrets.items()
            if re.fullmatch(pattern, each["name"])
        ]
        page = found[int(offset) : int(offset) + min(int(limit), self.most)]
        return Reply(200, {"secrets": page, "total": len(found)})

    def _create(self, asked: Asked) -> Reply:
        return self.refuses or Reply(201, {"secret_ref": self.add(asked.body)})

    def _delete(self, asked: Asked) -> Reply:
        gone = self.secrets.pop(asked.path.rpartition("/")[2], None)
        return Reply(204) if gone else barbican_error(404, "Secret not found.", "Not Found")
