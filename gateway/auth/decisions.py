"""An external decision point: Open Policy Agent's data API as a check of oslo.policy, ``opa:PATH`` in a rule.

``opa:coppice/allow`` asks ``POST URL/v1/data/coppice/allow`` with ``{"input": {"rule", "target", "credentials"}}`` and
holds only for ``{"result": true}``. What is not answered is ``Undecided``, never a yes.

Source: Open Policy Agent's documentation, "REST API", "Get a Document (with Input)".
"""

from __future__ import annotations

import copy
import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests
import yaml
from oslo_policy import _checks, policy
from prometheus_client import Counter
from urllib3.exceptions import HTTPError

_LONGEST: Final = 64 * 1024
_MOST_KEPT: Final = 10_000
_PIECE: Final = 4096
_TROUBLES: Final = 3
"""After so many questions in a row that nobody answered, none is asked for a while."""
_AWAY: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""What a proxy says for a decision point that is not there. Other statuses are about one question."""
_LOG = logging.getLogger(__name__)
_UNREADABLE: Final = Counter("coppice_policy_unreadable", "Changes of policy files that could not be read.")


class Undecided(Exception):
    """Whoever was to decide did not answer."""


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """How a decision point is asked.

    Attributes:
        url: where OPA is (``http://127.0.0.1:8181``); empty where there is none.
        seconds: how long it may take to answer.
        kept_seconds: how long an answer holds for the same question.
        rest_seconds: how long nobody is asked who did not answer.
    """

    url: str = ""
    seconds: float = 1.0
    kept_seconds: float = 5.0
    rest_seconds: float = 5.0


def _session() -> requests.Session:
    """No proxy of the environment stands between."""
    made = requests.Session()
    made.trust_env = False
    return made


@dataclass(slots=True)
class DecisionPoint:
    """Asks one decision point; for all threads of a process.

    Args:
        monotonic: seconds of a clock that never goes back.
    """

    settings: DecisionSettings
    monotonic: Callable[[], float]
    _session: requests.Session = field(default_factory=_session)
    _kept: dict[str, tuple[bool, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _troubles: int = 0
    _rests_until: float = 0.0

    def allows(self, path: str, asked: Mapping[str, Any]) -> bool:
        """Whether it says yes. Raises Undecided."""
        if not self.settings.url:
            raise Undecided("[policy] opa_url is not set")
        body = json.dumps({"input": asked}, sort_keys=True)
        key, now = f"{path} {body}", self.monotonic()
        with self._lock:
            answer, until = self._kept.get(key, (False, now))
            if until > now:
                return answer
            if self._rests_until > now:
                raise Undecided("the decision point did not answer lately")
            if self._troubles >= _TROUBLES:  # one asks whether it is back; the others do not wait for that
                self._rests_until = now + self.settings.rest_seconds
        answer = self._asked(path, body)
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = answer, now + self.settings.kept_seconds
        return answer

    def _asked(self, path: str, body: str) -> bool:
        try:
            status, said = self._exchanged(f"{self.settings.url.rstrip('/')}/v1/data/{path}", body)
        except (requests.RequestException, HTTPError, OSError) as error:
            self._failed()
            raise Undecided(f"the decision point did not answer: {error}") from error
        if status in _AWAY:
            self._failed()
            raise Undecided(f"the decision point answered {status}")
        with self._lock:
            self._troubles, self._rests_until = 0, 0.0
        if status != HTTPStatus.OK:
            raise Undecided(f"the decision point answered {status}")
        try:
            told = json.loads(said)
        except (ValueError, RecursionError) as error:
            raise Undecided(f"the decision point answered what is no JSON: {error}") from error
        return isinstance(told, dict) and told.get("result") is True

    def _exchanged(self, url: str, body: str) -> tuple[int, bytes]:
        """Status and body. A body that comes drop by drop ends with the time there is for all of it."""
        seconds = self.settings.seconds
        ends_at = self.monotonic() + seconds
        with self._session.post(
            url,
            data=body,
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
            timeout=(seconds / 2, seconds),
            stream=True,
            allow_redirects=False,
        ) as answer:
            said = bytearray()
            while len(said) < _LONGEST and (piece := answer.raw.read1(_PIECE)):
                said += piece
                if self.monotonic() > ends_at:
                    raise TimeoutError("it took too long")
            return answer.status_code, bytes(said)

    def _failed(self) -> None:
        with self._lock:
            self._troubles += 1
            if self._troubles >= _TROUBLES:
                self._rests_until = self.monotonic() + self.settings.rest_seconds


class OpaCheck(_checks.Check):
    """``opa:PATH`` in a rule."""

    def __call__(
        self, target: Mapping[str, Any], creds: Mapping[str, Any], enforcer: Any, current_rule: str | None = None
    ) -> bool:
        asked = {"rule": current_rule or "", "target": dict(target), "credentials": _plain(creds)}
        point: DecisionPoint = enforcer.decision_point
        return point.allows(self.match, asked)


class Enforcer(policy.Enforcer):
    """oslo.policy's, with a decision point that its rules may ask."""

    decision_point: DecisionPoint
    _seen: tuple[int, int, int] | None = None
    _sound: bool = True
    stays: bool = False

    def __init__(self, *told: Any, **named: Any) -> None:
        super().__init__(*told, **named)
        self._loading = threading.RLock()

    def judge(self, rules: Sequence[str], target: Mapping[str, Any], creds: Mapping[str, Any]) -> bool:
        """What the first of these rules says that there is; all of it by the file as it is now.

        Raises:
            Undecided, and what oslo.policy's own checks raise.
        """
        now = self._as_it_is()
        rule = next((each for each in rules[:-1] if each in now.rules), rules[-1])
        return bool(now.enforce(rule, dict(target), dict(creds)))

    def _as_it_is(self) -> Enforcer:
        """One with the rules of now, whatever other threads load meanwhile: loading puts others in their place."""
        with self._loading:
            self.load_rules()
            now = copy.copy(self)
        now.stays = True
        return now

    def load_rules(self, force_reload: bool = False) -> None:
        """Take up a changed file; one that is gone, empty or broken changes nothing: the denials in it go on."""
        if self.stays:
            return
        with self._loading:
            if self.is_sound():
                super().load_rules(force_reload)

    def is_sound(self) -> bool:
        """Whether the file, where there was one, can be gone by as it is."""
        if not self.policy_path:
            return True
        file = Path(self.policy_path)
        try:
            there = file.stat()
            seen = there.st_mtime_ns, there.st_size, there.st_ino
            if seen == self._seen:
                return self._sound
            text = file.read_text()
            told = yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError):
            seen, sound = None, False
        else:
            sound = bool(text.strip()) and (told is None or isinstance(told, dict))
        if self._sound and not sound:
            _UNREADABLE.inc()
            _LOG.error("the policy file %s is gone, empty or broken: the rules before it go on", file)
        self._seen, self._sound = seen, sound
        return sound


def _plain(creds: Mapping[str, Any]) -> dict[str, Any]:
    """What oslo.policy adds of its own (a system's scope and the like) is left out where it is no plain value."""
    return {name: value for name, value in creds.items() if isinstance(value, str | int | bool | list)}


policy.register("opa", OpaCheck)
