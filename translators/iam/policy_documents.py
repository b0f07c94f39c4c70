"""Policy documents as IAM takes them: their form is checked, their meaning never asked for.

Source: moto tests/test_iam/test_iam_policies.py and its validator (words that AWS gave), conformance/recorded, IAM User
Guide, "Grammar of the IAM JSON policy language"; words of trust policies as users quote them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from translators.errors import AWSError

_TOP: Final = frozenset({"Version", "Id", "Statement"})
_VERSIONS: Final = frozenset({"2008-10-17", "2012-10-17"})
_ELEMENTS: Final = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
_TRUST_ELEMENTS: Final = _ELEMENTS | {"Principal", "NotPrincipal"}
_EFFECTS: Final = frozenset({"Allow", "Deny"})
_PRINCIPALS: Final = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_TRUSTED: Final = re.compile(
    r"sts:(AssumeRole(WithSAML|WithWebIdentity|\*)?|TagSession|SetSourceIdentity|SetContext|\*)", re.IGNORECASE
)
_AWS_PRINCIPAL: Final = re.compile(r"\*|[0-9]{12}|arn:aws[a-z-]*:(iam|sts)::([0-9]{12}|\*):[!-~]+|A[A-Z0-9]{15,40}")
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|[a-z0-9.-]+\.amazon\.com|[a-z0-9.-]+\.aws\.internal")
_VENDOR: Final = re.compile(r"[A-Za-z0-9.-]+|\*")
_MOST_DEPTH: Final = 20


def checked_trust(text: str) -> str:
    """A trust policy as given.

    Raises:
        AWSError: it is none.
    """
    for statement in _statements(text, "This policy contains invalid Json", _TRUST_ELEMENTS):
        if "Resource" in statement or "NotResource" in statement:
            raise malformed("Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise malformed("Missing required field Principal")
        if "NotPrincipal" in statement:
            raise malformed("AssumeRole policy must not contain NotPrincipal field.")
        _check_principal(statement["Principal"])
        if "Action" not in statement:
            raise malformed("Missing required field Action")
        if not all(_TRUSTED.fullmatch(action) for action in texts(statement["Action"])):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    return text


def checked(text: str) -> str:
    """A policy of permissions as given.

    Raises:
        AWSError: it is none.
    """
    syntax = "Syntax errors in policy."
    statements = _statements(text, syntax, _TRUST_ELEMENTS)
    if json.loads(text).get("Version") != "2012-10-17":
        raise malformed("Policy document must be version 2012-10-17 or greater.")
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(set(sids)) < len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        actions = _either(statement, "Action")
        resources = _either(statement, "Resource")
        if not actions:
            raise malformed("Policy statement must contain actions.")
        if not resources:
            raise malformed("Policy statement must contain resources.")
        for resource in resources:
            if resource != "*" and not resource.startswith("arn:"):
                raise malformed(f'Resource {resource} must be in ARN format or "*".')
        for action in actions:
            _check_action(action)
    return text


def shown(text: str) -> str:
    """A document as answers hold it: percent-encoded, and otherwise as it was given."""
    return quote(text, safe="")


def malformed(words: str) -> AWSError:
    return AWSError("MalformedPolicyDocument", words)


def texts(value: Any) -> list[str]:
    """One text, or a list of them."""
    return [value] if isinstance(value, str) else list(value)


def _statements(text: str, broken: str, elements: frozenset[str]) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise malformed(broken) from None
    syntax = malformed("Syntax errors in policy.")
    if not isinstance(document, dict) or document.keys() - _TOP or _depth(document) > _MOST_DEPTH:
        raise syntax
    if not _is_one_of(document.get("Version", "2012-10-17"), _VERSIONS) or not isinstance(document.get("Id", ""), str):
        raise syntax
    found = document.get("Statement")
    statements = [found] if isinstance(found, dict) else found
    if not isinstance(statements, list) or not statements:
        raise syntax
    if not all(_is_statement(statement, elements) for statement in statements):
        raise syntax
    return statements


def _is_statement(statement: Any, elements: frozenset[str]) -> bool:
    if not isinstance(statement, dict) or statement.keys() - elements:
        return False
    doubled = any(name in statement and f"Not{name}" in statement for name in ("Action", "Resource", "Principal"))
    lists = all(_are_texts(statement.get(name, [])) for name in ("Action", "NotAction", "Resource", "NotResource"))
    condition = statement.get("Condition", {})
    return (
        not doubled
        and lists
        and _is_one_of(statement.get("Effect"), _EFFECTS)
        and isinstance(statement.get("Sid", ""), str)
        and isinstance(condition, dict)
        and all(isinstance(each, dict) for each in condition.values())
    )


def _is_one_of(value: Any, words: frozenset[str]) -> bool:
    return isinstance(value, str) and value in words


def _are_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or principal.keys() - _PRINCIPALS:
        raise malformed("Syntax errors in policy.")
    for kind, value in principal.items():
        if not _are_texts(value):
            raise malformed("Syntax errors in policy.")
        for name in texts(value):
            fits = {"AWS": _AWS_PRINCIPAL, "Service": _SERVICE}.get(kind)
            if fits is not None and not fits.fullmatch(name):
                raise malformed(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def _either(statement: Mapping[str, Any], name: str) -> list[str]:
    return texts(statement.get(name, statement.get(f"Not{name}", [])))


def _check_action(action: str) -> None:
    vendor, _, rest = action.partition(":")
    if action == "*":
        return
    if ":" not in action:
        raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in rest:
        raise malformed("Actions/Condition can contain only one colon.")
    if not _VENDOR.fullmatch(vendor):
        raise malformed(f"Vendor {vendor} is not valid")


def _depth(value: Any) -> int:
    """How deep lists and objects lie in each other; the parser has bounded it before."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = list(_within(level))
    return depth


def _within(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list):
            yield from value
