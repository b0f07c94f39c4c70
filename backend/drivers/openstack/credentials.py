"""EC2 credentials of Keystone as access keys.

Two ways: the service user reads the secret (``find``; it needs the role reader on the system, or admin), and signatures
are checked here; or Keystone checks each signature itself (``check``; needs the role service).

Source: Keystone API, "OS-EC2"; OSSA-2025-002: the check needs an authenticated service.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.drivers.credentials import AccessKey, BadSignature, Signed
from backend.drivers.endings import Ended, Gone, nobody
from backend.drivers.errors import CloudUnavailable, NotAuthorized, OutcomeUnknown
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.rest import IDENTITY, Declined, Rest
from backend.drivers.openstack.settings import OpenStackSettings

_log = logging.getLogger(__name__)
_MOST: Final = 10_000
_LONGEST_KEY: Final = 255
_UNKNOWN_RATE: Final = 20.0
_UNKNOWN_BURST: Final = 100.0
"""Look-ups of keys that were never good: anybody can ask for any number of them, and each is a request to Keystone."""
_LONGEST_BLOB: Final = 4096


class _NoSuchKey(Exception):
    """Keystone knows no such key, or its owner may not use it."""


class Strangers:
    """How many keys that were never good are looked up: so many a second, of all clients together.

    Args:
        rate: a second.
        burst: at once.
    """

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = self._tokens = burst
        self._at = clock.monotonic()
        self._lock = threading.Lock()

    def come(self) -> None:
        """Let one more in. Raises CloudUnavailable where there were too many."""
        with self._lock:
            now = self._clock.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < 1:
                raise CloudUnavailable("too many access keys are asked for that nobody knows")
            self._tokens -= 1


class KeystoneKeys:
    """Keys are kept for the settings' times, unknown ones too: a revoked key is refused after that at the latest.

    Args:
        rest: reads credentials.
        checker: has signatures checked, which Keystone does for services alone: with the token of a project.
        ended: whose rights Keystone told to have ended: their keys are read anew at once.
    """

    def __init__(
        self, rest: Rest, checker: Rest, clock: Clock, settings: OpenStackSettings, ended: Ended = nobody
    ) -> None:
        self._rest = rest
        self._ended = ended
        self._checker = checker
        self._age = timedelta(seconds=settings.key_seconds)
        self._unknown_age = timedelta(seconds=settings.unknown_key_seconds)
        self._kept: Kept[str, AccessKey] = Kept(clock, self._good_key, _MOST)
        # Apart from the good ones, so that no number of others pushes one of those out.
        self._unknown: Kept[str, bool] = Kept(clock, self._is_unknown, _MOST)
        self._strangers = Strangers(clock, _UNKNOWN_RATE, _UNKNOWN_BURST)
        self._enabled: Kept[str, Mapping[str, Any] | None] = Kept(clock, self._entity, _MOST)

    def find(self, access_key: str) -> AccessKey | None:
        """The owner of a key, None where there is none. Raises CloudUnavailable."""
        if not (0 < len(access_key) <= _LONGEST_KEY and access_key.isprintable()):
            return None
        self._heed()
        if not self._kept.knows(access_key):
            if self._unknown.get(access_key, min(self._unknown_age, self._age)):
                return None
            self._unknown.drop(access_key)
        try:
            return self._kept.get(access_key, self._age)
        except _NoSuchKey:
            self._kept.drop(access_key)
            return None

    def _heed(self) -> None:
        events = self._ended()
        if not events:
            return
        gone = Gone.of(events)

        def is_old(access_key: str, key: AccessKey) -> bool:
            named = gone.credentials and hashlib.sha256(access_key.encode()).hexdigest() in gone.credentials
            return bool(gone.everybody or named or key.user_id in gone.users or key.project_id in gone.projects)

        self._kept.drop_all(is_old)

    def check(self, signed: Signed) -> AccessKey | None:
        credentials = {
            "access": signed.access_key,
            "signature": signed.signature,
            "host": signed.host,
            "verb": signed.method,
            "path": signed.path,
            "params": dict(signed.params),
            # Keystone looks names up as clients usually write them, and breaks off on others.
            "headers": {name.title(): value for name, value in signed.headers.items()},
            "body_hash": signed.body_hash,
        }
        try:
            answer = self._checker.write(
                None, IDENTITY, "POST", "/ec2tokens", {"credentials": credentials}, repeat=True
            )
        except NotAuthorized as refused:
            # Keystone says the same of a bad signature and of a user who is disabled.
            raise BadSignature(refused.detail) from refused
        except Declined as declined:
            if declined.status == 404:
                return None
            raise CloudUnavailable(f"Keystone checks no signatures for the service user: {declined}") from declined
        except OutcomeUnknown as lost:
            raise CloudUnavailable(str(lost)) from lost
        try:
            token = answer.item("token")
            return AccessKey(
                access_key=signed.access_key,
                user_id=token["user"]["id"],
                user_name=token["user"]["name"],
                project_id=token["project"]["id"],
                project_name=token["project"]["name"],
                roles=frozenset(role["name"].lower() for role in token.get("roles") or ()),
            )
        except (OutcomeUnknown, KeyError, TypeError) as error:
            raise CloudUnavailable(f"Keystone answered {answer.status} to a signature without a token") from error

    def _is_unknown(self, access_key: str) -> bool:
        """Whether a key that was never good is none; a good one is kept."""
        self._strangers.come()
        try:
            self._kept.get(access_key, self._age)
        except _NoSuchKey:
            return True
        return False

    def _good_key(self, access_key: str) -> AccessKey:
        found = self._read(access_key)
        if found is None:
            raise _NoSuchKey
        return found

    def _read(self, access_key: str) -> AccessKey | None:
        try:
            return self._found(access_key)
        except NotAuthorized as error:
            raise CloudUnavailable(f"the service user may not read credentials: {error.detail}") from error

    def _found(self, access_key: str) -> AccessKey | None:
        credential = self._ask(f"/credentials/{hashlib.sha256(access_key.encode()).hexdigest()}", "credential")
        if credential is None or credential.get("type") != "ec2":
            return None
        blob = blob_of(credential)
        if blob is None:
            return None
        if blob.get("trust_id") or blob.get("app_cred_id") or blob.get("access") != access_key:
            # Made through a delegation, which may have narrower rights than its user: those Keystone alone knows.
            _log.warning("access key %s was made through a delegation and is refused", access_key)
            return None
        user = self._good("users", "user", credential["user_id"])
        project = self._good("projects", "project", credential.get("project_id") or "")
        if user is None or project is None:
            return None
        return AccessKey(
            access_key=access_key,
            user_id=user["id"],
            user_name=user["name"],
            project_id=project["id"],
            project_name=project["name"],
            roles=self._roles(user["id"], project["id"]),
            secret=str(blob["secret"]),
        )

    def _good(self, plural: str, noun: str, entity_id: str) -> Mapping[str, Any] | None:
        """A user or project that is enabled, in a domain that is; else None."""
        found = self._ask(f"/{plural}/{entity_id}", noun) if entity_id else None
        if found is None or not found.get("enabled", True):
            return None
        domain_id = found.get("domain_id")
        domain = self._enabled.get(domain_id, self._unknown_age) if domain_id else None
        return found if domain is None or domain.get("enabled", True) else None

    def _entity(self, domain_id: str) -> Mapping[str, Any] | None:
        return self._ask(f"/domains/{domain_id}", "domain")

    def _roles(self, user_id: str, project_id: str) -> frozenset[str]:
        """Names of the user's roles in the project: its own, its groups', inherited and implied ones."""
        asked = {
            "user.id": user_id,
            "scope.project.id": project_id,
            "effective": "true",
            "include_names": "true",
        }
        with told():
            found, _ = self._rest.page(None, IDENTITY, "/role_assignments", "role_assignments", asked)
        return frozenset(str(each["role"]["name"]).lower() for each in found)

    def _ask(self, path: str, noun: str) -> Mapping[str, Any] | None:
        try:
            return self._rest.item(None, IDENTITY, path, noun)
        except Declined as declined:
            if declined.status == 404:
                return None
            with told():
                raise


def blob_of(credential: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an EC2 credential holds; None where its user, who may write anything into it, wrote something else."""
    text = credential.get("blob")
    if not isinstance(text, str) or len(text) > _LONGEST_BLOB:
        return None
    try:
        blob = json.loads(text)
    except (ValueError, RecursionError):
        return None
    told = isinstance(blob, dict) and all(isinstance(blob.get(name), str) for name in ("access", "secret"))
    return blob if told else None
