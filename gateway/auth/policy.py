"""Who may call what: oslo.policy over the caller's roles, with rules that an operator may overwrite.

The rules are named for operations (``autoscaling:CreateAutoScalingGroup``); an operation without a rule of its own is
judged by ``coppice:read`` or ``coppice:write``. A rule may ask an external decision point (``opa:PATH``, ``http://...``).

Source: oslo.policy's documentation; IAM User Guide, "Troubleshooting access denied error messages".
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from oslo_config import cfg
from oslo_policy import policy
from prometheus_client import Counter

from gateway import dialects
from gateway.auth.decisions import DecisionPoint, DecisionSettings, Enforcer, Undecided
from gateway.local import CannotStart
from translators import arns, registry
from translators.errors import AWSError
from translators.registry import Caller

READ: Final = "coppice:read"
WRITE: Final = "coppice:write"
SELF: Final = "coppice:self"

RULES: Final = (
    policy.RuleDefault(WRITE, "role:member or role:admin", "Operations that change something."),
    policy.RuleDefault(READ, "role:reader or rule:coppice:write", "Operations that only look."),
    policy.RuleDefault(SELF, "@", "Asking who one is."),
)
_READS: Final = re.compile(r"Describe|Get|List|Search")
_SELVES: Final = frozenset({("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")})
_USUAL: Final = "policy.yaml"
"""The file that oslo.policy looks for by itself, and that need not be there."""
_WAITING: Final = 1000
_TOLD: Final = 5
_UNANSWERED: Final = (Undecided, OSError, RuntimeError, LookupError)
"""Of our own check, and what oslo.policy's ``http`` raises where nobody answers or its URL lacks something."""
_LOG = logging.getLogger(__name__)
_UNDECIDED: Final = Counter("coppice_policy_undecided", "Requests that nobody decided about.", ["allowed"])
_TRIED: Final = Counter("coppice_policy_dry_run", "Requests that were tried on other rules, too.", ["today", "then"])


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """How rules are held.

    Attributes:
        decisions: how an external decision point is asked.
        undecided_reads: whether operations that only look go on where it does not answer; others never do.
        dry_run_file: rules that are tried beside those that hold: differences are logged and counted.
    """

    decisions: DecisionSettings = field(default_factory=DecisionSettings)
    undecided_reads: bool = False
    dry_run_file: str = ""


class RolePolicy:
    """The rules of one installation.

    Args:
        conf: where oslo.policy finds its own options (``[oslo_policy] policy_file``).

    Raises:
        CannotStart: a file that was named is not there, or one that is there cannot be gone by.
    """

    def __init__(self, conf: cfg.ConfigOpts, settings: PolicySettings | None = None) -> None:
        self._settings = settings or PolicySettings()
        self._enforcer = self._made(conf, None)
        file = self._settings.dry_run_file
        self._dry_run = DryRun(self._made(conf, file)) if file else None

    def _made(self, conf: cfg.ConfigOpts, file: str | None) -> Enforcer:
        """With a decision point of its own: what rules on trial do to theirs is nothing to those that hold."""
        enforcer = Enforcer(conf, policy_file=file)
        enforcer.decision_point = DecisionPoint(self._settings.decisions, monotonic)
        enforcer.register_defaults(list(RULES))
        try:
            enforcer.load_rules()
        except (ValueError, AttributeError) as error:  # it is no YAML, or no mapping
            raise CannotStart(f"the policy file {enforcer.policy_path} cannot be read: {error}") from error
        if not enforcer.is_sound():
            raise CannotStart(f"the policy file {enforcer.policy_path} is empty or broken")
        if enforcer.policy_path is None and (file or conf.oslo_policy.policy_file != _USUAL):
            raise CannotStart(f"there is no policy file {enforcer.policy_file}")
        strange = _of_no_action(enforcer.rules)
        if strange:
            named = ", ".join(strange[:_TOLD]) + (" ..." if len(strange) > _TOLD else "")
            _LOG.warning(
                "%s: no action that is answered has these names, their rules are asked for nothing: %s",
                enforcer.policy_path,
                named,
            )
        return enforcer

    def check(self, caller: Caller, account_id: str, service: str, operation: str, region: str = "") -> None:
        """Let an authenticated caller do an operation, or not.

        Args:
            account_id: the caller's twelve digits, for the words of the refusal.
            service: botocore's name.
            region: AWS's name, for rules that go by it.

        Raises:
            AWSError: AccessDenied, or UnauthorizedOperation in EC2's words.
        """
        question = Question(service, operation, region, account_id, caller)
        try:
            allowed = self.decide(question)
        except _UNANSWERED as error:
            allowed = self._settings.undecided_reads and is_read(service, operation)
            _UNDECIDED.labels(str(allowed).lower()).inc()
            _LOG.warning("nobody decided about %s of account %s: %s", question.action, account_id, error)
        if self._dry_run is not None:
            self._dry_run.put(question, allowed=allowed)
        if not allowed:
            raise denied(service, question.action, arns.user(account_id, caller.user_name))

    def decide(self, question: Question) -> bool:
        """What the rules say. Raises Undecided, and what oslo.policy's own checks raise."""
        return question.put(self._enforcer)


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a caller may do an operation."""

    service: str
    operation: str
    region: str
    account_id: str
    caller: Caller

    @property
    def action(self) -> str:
        return action_of(self.service, self.operation)

    def put(self, enforcer: Enforcer) -> bool:
        """The answer of some rules. Raises Undecided, and what oslo.policy's own checks raise."""
        target = {
            "project_id": self.caller.project_id,
            "account_id": self.account_id,
            "region": self.region,
            "action": self.action,
        }
        return enforcer.judge((self.action, _base(self.service, self.operation)), target, _credentials(self.caller))


@dataclass(slots=True)
class DryRun:
    """Other rules, tried in a thread of their own: no answer waits for them."""

    enforcer: Enforcer
    run: Callable[[Callable[[], None]], object] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: int = 0

    def put(self, question: Question, *, allowed: bool) -> None:
        """Try a question; while many wait it is left out."""
        with self._lock:
            if self._waiting >= _WAITING:
                return
            self._waiting += 1
            if self.run is None:  # not before: a thread does not outlive the fork of a worker
                self.run = ThreadPoolExecutor(1, thread_name_prefix="dry-run").submit
        self.run(lambda: self._try(question, allowed))

    def _try(self, question: Question, today: bool) -> None:
        with self._lock:
            self._waiting -= 1
        try:
            then = "allowed" if question.put(self.enforcer) else "denied"
        except _UNANSWERED:
            then = "undecided"
        now = "allowed" if today else "denied"
        _TRIED.labels(now, then).inc()
        if now != then:
            roles = ",".join(sorted(question.caller.roles))
            told = question.action, question.account_id, question.caller.user_id, roles, now, then
            _LOG.info("dry run: %s of account %s by user %s (%s) is %s and would be %s", *told)


def denied(service: str, action: str, arn: str) -> AWSError:
    """The refusal of an action, as the service says it."""
    why = f"because no identity-based policy allows the {action} action"
    return dialects.of(service).denied(f"User: {arn} is not authorized to perform: {action} {why}")


def action_of(service: str, operation: str) -> str:
    """What rules name an operation by, as IAM does."""
    return f"{dialects.of(service).actions or service}:{operation}"


def is_read(service: str, operation: str) -> bool:
    """Whether an operation changes nothing."""
    return _base(service, operation) != WRITE


def _of_no_action(rules: Collection[str]) -> list[str]:
    """Names of rules that are like those of actions, and of none that is answered; all others help rules."""
    known = {action_of(service, name) for service, names in registry.supported().items() for name in names}
    known |= {READ, WRITE, SELF}
    services = {each.partition(":")[0] for each in known}
    return sorted(each for each in rules if each not in known and each.partition(":")[0] in services and ":" in each)


def judged(conf: cfg.ConfigOpts, settings: PolicySettings, caller: Caller, action: str, region: str) -> str:
    """What the rules say of a caller: ``allowed``, ``denied``, or why nobody decided.

    Args:
        action: ``SERVICE:OPERATION`` as rules name it.
    """
    service, _, operation = action.partition(":")
    try:
        allowed = RolePolicy(conf, settings).decide(Question(service, operation, region, "", caller))
    except _UNANSWERED as error:
        return f"undecided: {error}"
    return "allowed" if allowed else "denied"


def sample(operations: Collection[tuple[str, str]]) -> str:
    """A policy file that says what holds anyway, with the name of each action that may have a rule.

    Args:
        operations: (service, name) of those that are answered.
    """
    lines = ["# Rules of Coppice: what is commented out holds anyway. [oslo_policy] policy_file names this file.", ""]
    for rule in RULES:
        lines += [f"# {rule.description}", f'#"{rule.name}": "{rule.check_str}"', ""]
    lines.append("# Rules of single actions go before those above.")
    lines += sorted(f'#"{action_of(*each)}": "rule:{_base(*each)}"' for each in operations)
    return "\n".join(lines)


def _credentials(caller: Caller) -> dict[str, Any]:
    return {
        "roles": sorted(caller.roles),
        "user_id": caller.user_id,
        "user_name": caller.user_name,
        "project_id": caller.project_id,
        "project_name": caller.project_name,
    }


def _base(service: str, operation: str) -> str:
    if (service, operation) in _SELVES:
        return SELF
    return READ if _READS.match(operation) else WRITE
