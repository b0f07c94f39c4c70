"""Who may call what: oslo.policy over the caller's roles, with rules that an operator may overwrite.

The rules are named for operations (``autoscaling:CreateAutoScalingGroup``); an operation without a rule of its own is
judged by ``coppice:read`` or ``coppice:write``. A rule may ask an external decision point (``http://...``).

Source: oslo.policy's documentation; IAM User Guide, "Troubleshooting access denied error messages".
"""

from __future__ import annotations

import re
from typing import Final

from oslo_config import cfg
from oslo_policy import policy

from gateway import dialects
from translators import arns
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


class RolePolicy:
    """The rules of one installation.

    Args:
        conf: where oslo.policy finds its own options (``[oslo_policy] policy_file``).
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.register_defaults(list(RULES))
        self._enforcer.load_rules()

    def check(self, caller: Caller, account_id: str, service: str, operation: str) -> None:
        """Let an authenticated caller do an operation, or not.

        Args:
            account_id: the caller's twelve digits, for the words of the refusal.
            service: botocore's name.

        Raises:
            AWSError: AccessDenied, or UnauthorizedOperation in EC2's words.
        """
        action = f"{dialects.of(service).actions or service}:{operation}"
        self._enforcer.load_rules()  # picks up a changed file
        rule = action if action in self._enforcer.rules else _base(service, operation)
        credentials = {
            "roles": sorted(caller.roles),
            "user_id": caller.user_id,
            "project_id": caller.project_id,
            "project_name": caller.project_name,
        }
        if not self._enforcer.enforce(rule, {"project_id": caller.project_id}, credentials):
            raise denied(service, action, arns.user(account_id, caller.user_name))


def denied(service: str, action: str, arn: str) -> AWSError:
    """The refusal of an action, as the service says it."""
    why = f"because no identity-based policy allows the {action} action"
    return dialects.of(service).denied(f"User: {arn} is not authorized to perform: {action} {why}")


def _base(service: str, operation: str) -> str:
    if (service, operation) in _SELVES:
        return SELF
    return READ if _READS.match(operation) else WRITE
