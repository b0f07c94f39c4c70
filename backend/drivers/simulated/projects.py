"""What projects own beside servers: key pairs, security groups and images of their own, and how to seed them."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import Final

from backend.clock import Clock
from backend.domain import key_material as keys
from backend.domain.scope import Scope
from backend.drivers.compute import KeyPair
from backend.drivers.errors import GroupInUse, QuotaExceeded, SecurityGroupNotFound
from backend.drivers.group_making import NewGroup
from backend.drivers.images import Image, NewImage
from backend.drivers.network import Rule, SecurityGroup
from backend.drivers.simulated import layout
from backend.drivers.simulated.catalog.images import public_images
from backend.drivers.simulated.settings import SimulatedSettings
from backend.drivers.simulated.state import State, add_to_counter, counter, from_micros, to_micros

EVERYTHING_OUT: Final = Rule(ingress=False, protocol="-1", port_from=None, port_to=None, cidr="0.0.0.0/0")


_SET_RULES: Final = (
    "UPDATE security_groups SET rules = ? WHERE id = ? AND project = ? AND region = ?",
    "UPDATE made_groups SET rules = ? WHERE id = ? AND project = ? AND region = ?",
)


class Projects:
    """The projects' own objects. A project needs no registration: it exists when it is named."""

    def __init__(self, state: State, clock: Clock, settings: SimulatedSettings, origin: uuid.UUID) -> None:
        self._state = state
        self._origin = origin
        self._clock = clock
        self._settings = settings

    def create_key_pair(self, scope: Scope, name: str, kind: str = "rsa") -> tuple[KeyPair, str]:
        """Make a key pair (``rsa`` or ``ed25519``) and return it with its private key, which is not kept.

        Raises:
            ValueError: the name is taken.
        """
        made = keys.generate(kind)
        return self._add_key_pair(scope, name, made), made.private_key

    def import_key_pair(self, scope: Scope, name: str, public_key: str) -> KeyPair:
        """Register an OpenSSH public key.

        Raises:
            ValueError: the name is taken, or the text is no RSA or ED25519 public key.
        """
        return self._add_key_pair(scope, name, keys.parse(public_key))

    def delete_key_pair(self, scope: Scope, name: str) -> None:
        """Safe to repeat."""
        with self._state.writing() as connection:
            connection.execute(
                "DELETE FROM key_pairs WHERE project = ? AND region = ? AND name = ?",
                (scope.project_id, scope.region, name),
            )

    def key_pairs(self, scope: Scope) -> Sequence[KeyPair]:
        with self._state.reading() as connection:
            rows = connection.execute(
                "SELECT id, name, fingerprint, type, created_at, public_key FROM key_pairs"
                " WHERE project = ? AND region = ? ORDER BY name",
                (scope.project_id, scope.region),
            ).fetchall()
        return [
            KeyPair(identity, name, fingerprint, kind, from_micros(created_at), public_key)
            for identity, name, fingerprint, kind, created_at, public_key in rows
        ]

    def has_key_pair(self, scope: Scope, name: str) -> bool:
        return any(pair.name == name for pair in self.key_pairs(scope))

    def add_security_group(
        self, scope: Scope, name: str, description: str = "", rules: Sequence[Rule] = ()
    ) -> SecurityGroup:
        """Make a group in the default network, with AWS's egress rule when no rule is given.

        Raises:
            ValueError: the name is taken.
        """
        network = layout.default_network(scope, self._settings)
        if any(group.name == name for group in self.security_groups(scope)):
            raise ValueError(f"security group {name} exists")
        with self._state.writing() as connection:
            identity = self.new_id(connection)
            group = SecurityGroup(identity, name, description or name, network.id, tuple(rules) or (EVERYTHING_OUT,))
            self._insert_group(connection, scope, group)
        return group

    def make_security_group(self, scope: Scope, new: NewGroup, installation: str) -> SecurityGroup:
        """Make a group in any network, with AWS's egress rule."""
        with self._state.writing() as connection:
            rules = (EVERYTHING_OUT,)
            identity = self.new_id(connection)
            group = SecurityGroup(identity, new.name, new.description, new.network_id, rules, installation=installation)
            self._insert_group(connection, scope, group, installation, new.token)
        return group

    def security_group_of(self, scope: Scope, token: str) -> str | None:
        """The id of the one that was made with that token."""
        with self._state.reading() as connection:
            row = connection.execute(
                "SELECT id FROM made_groups WHERE project = ? AND region = ? AND token = ?",
                (scope.project_id, scope.region, token),
            ).fetchone()
        return None if row is None else str(row[0])

    def set_rules(self, scope: Scope, group_id: str, rules: Sequence[Rule]) -> None:
        """Give a group these rules; the default group, too, which is nowhere written until then.

        Raises:
            SecurityGroupNotFound
        """
        told = json.dumps([asdict(rule) for rule in rules])
        default = layout.default_security_group(scope, self._settings)
        with self._state.writing() as connection:
            if group_id == default.id:
                connection.execute("DELETE FROM security_groups WHERE id = ?", (group_id,))
                self._insert_group(connection, scope, replace(default, rules=tuple(rules)))
                return
            which = (told, group_id, scope.project_id, scope.region)
            changed = [connection.execute(statement, which).rowcount for statement in _SET_RULES]
        if not any(changed):
            raise SecurityGroupNotFound(f"Security group {group_id} does not exist")

    def remove_security_group(self, scope: Scope, group_id: str, now: int) -> None:
        """Delete a group that no server has. Safe to repeat.

        Raises:
            GroupInUse
        """
        with self._state.writing() as connection:
            used = connection.execute(
                "SELECT 1 FROM servers s JOIN batches b ON b.id = s.batch WHERE s.project = ?1 AND s.region = ?2"
                " AND (s.gone_at IS NULL OR s.gone_at > ?3) AND instr(CASE WHEN instr(COALESCE(s.own, ''),"
                " 'security_group_ids') > 0 THEN s.own ELSE b.request END, ?4) > 0"
                " UNION ALL SELECT 1 FROM interfaces WHERE instr(groups, ?4) > 0 LIMIT 1",
                (scope.project_id, scope.region, now, group_id),
            ).fetchone()
            if used is not None:
                raise GroupInUse(f"Security Group {group_id} in use.")
            self._delete_group(connection, group_id)

    def delete_security_group(self, group_id: str) -> None:
        """Safe to repeat. Servers that have it keep its id."""
        with self._state.writing() as connection:
            self._delete_group(connection, group_id)

    @staticmethod
    def _delete_group(connection: sqlite3.Connection, group_id: str) -> None:
        for statement in ("DELETE FROM security_groups WHERE id = ?", "DELETE FROM made_groups WHERE id = ?"):
            connection.execute(statement, (group_id,))

    def security_groups(self, scope: Scope) -> Sequence[SecurityGroup]:
        """The default group, then the project's own by name."""
        with self._state.reading() as connection:
            rows = connection.execute(
                "SELECT id, name, description, network_id, rules, '' FROM security_groups"
                " WHERE project = ? AND region = ?"
                " UNION ALL SELECT id, name, description, network_id, rules, installation FROM made_groups"
                " WHERE project = ? AND region = ? ORDER BY 2, 1",
                (scope.project_id, scope.region) * 2,
            ).fetchall()
        own = [
            SecurityGroup(
                identity,
                name,
                description,
                network_id,
                tuple(Rule(**rule) for rule in json.loads(rules)),
                installation=installation or None,
            )
            for identity, name, description, network_id, rules, installation in rows
        ]
        default = layout.default_security_group(scope, self._settings)
        written = next((group for group in own if group.id == default.id), default)
        return [written, *(group for group in own if group.id != default.id)]

    def add_image(self, scope: Scope, image: Image) -> Image:
        """Give the project an image of its own: private and owned by it, whatever the value says. Replaces by id."""
        image = replace(image, owner_id=scope.project_id, owner_alias=None, public=False)
        document = asdict(image) | {"created_at": image.created_at.isoformat()}
        with self._state.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?)",
                (image.id, scope.project_id, scope.region, json.dumps(document)),
            )
        return image

    def make_image(self, scope: Scope, new: NewImage, most: int, image_id: str | None = None) -> Image:
        """Make an image of the project's own.

        Args:
            image_id: None: it is drawn; that of one which is there makes that one anew.

        Raises:
            QuotaExceeded: the project has ``most`` in the region.
        """
        with self._state.writing() as connection:
            own = "SELECT COUNT(*) FROM images WHERE project = ? AND region = ? AND id IS NOT ?"
            (count,) = connection.execute(own, (scope.project_id, scope.region, image_id)).fetchone()
            if count >= most:
                raise QuotaExceeded("images", 1, most, f"The project has {count} images.")
            identity = image_id or self.new_id(connection)
            image = Image(
                id=identity,
                owner_id=scope.project_id,
                owner_alias=None,
                created_at=self._clock.now(),
                public=False,
                **asdict(new),
            )
            return self.add_image(scope, image)

    def drop_image(self, scope: Scope, image_id: str) -> None:
        """Take one of the project's own images away; servers made from it stay. Safe to repeat."""
        with self._state.writing() as connection:
            connection.execute(
                "DELETE FROM images WHERE id = ? AND project = ? AND region = ?",
                (image_id, scope.project_id, scope.region),
            )

    def withdraw_image(self, image_id: str) -> None:
        """Take an image away, public ones too; servers made from it stay. Safe to repeat."""
        with self._state.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO withdrawn_images VALUES (?)", (image_id,))

    def restore_image(self, image_id: str) -> None:
        """Undo withdraw_image. Safe to repeat."""
        with self._state.writing() as connection:
            connection.execute("DELETE FROM withdrawn_images WHERE id = ?", (image_id,))

    @contextmanager
    def together(self) -> Iterator[None]:
        """All changes of the block, or none of them where it raises."""
        with self._state.writing():
            yield

    def images(self, scope: Scope, *, withdrawn: bool = False) -> Sequence[Image]:
        """Public images and the project's own, oldest first; withdrawn ones where they are asked for, too."""
        with self._state.reading() as connection:
            gone = {row[0] for row in connection.execute("SELECT id FROM withdrawn_images").fetchall()}
            rows = connection.execute(
                "SELECT document FROM images WHERE project = ? AND region = ?", (scope.project_id, scope.region)
            ).fetchall()
        public = public_images(scope.region)
        if not rows and not gone:
            return public
        found = [*public, *(_image(row[0]) for row in rows)]
        found.sort(key=lambda image: (image.created_at, image.name))
        return [image for image in found if withdrawn or image.id not in gone]

    def image(self, scope: Scope, image_id: str) -> Image | None:
        return next((image for image in self.images(scope) if image.id == image_id), None)

    def new_id(self, connection: sqlite3.Connection) -> str:
        """An id that this state never gave before."""
        add_to_counter(connection, "objects", 1)
        return str(uuid.uuid5(self._origin, f"object/{counter(connection, 'objects')}"))

    @staticmethod
    def _insert_group(connection: sqlite3.Connection, scope: Scope, group: SecurityGroup, *made: str) -> None:
        """Those with ``made``, installation and token, have a table of their own, where names may be alike."""
        rules = json.dumps([asdict(rule) for rule in group.rules])
        head = (group.id, scope.project_id, scope.region, group.name, group.description, group.network_id, rules)
        if made:
            connection.execute("INSERT INTO made_groups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*head, *made))
        else:
            connection.execute(
                "INSERT INTO security_groups (id, project, region, name, description, network_id, rules)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                head,
            )

    def _add_key_pair(self, scope: Scope, name: str, key: keys.Key) -> KeyPair:
        now = self._clock.now()
        with self._state.writing() as connection:
            pair = KeyPair(self.new_id(connection), name, key.fingerprint, key.kind, now, key.public_key)
            added = connection.execute(
                "INSERT OR IGNORE INTO key_pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    scope.project_id,
                    scope.region,
                    name,
                    pair.id,
                    pair.fingerprint,
                    pair.type,
                    pair.public_key,
                    to_micros(now),
                ),
            ).rowcount
        if not added:
            raise ValueError(f"key pair {name} exists")
        return pair


def _image(document: str) -> Image:
    values = json.loads(document)
    return Image(**(values | {"created_at": datetime.fromisoformat(values["created_at"])}))
