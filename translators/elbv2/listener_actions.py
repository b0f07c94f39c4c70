"""Listeners and rules made, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend import errors as findings
from backend.domain import balancer_findings
from backend.domain.balancers import BalancerKind, BalancerListener, LoadBalancer, forwarded
from backend.domain.security_policies import DEFAULT_POLICY, POLICIES
from backend.services.limits import CERTIFICATES_OF_LISTENER
from backend.services.listeners import NewListener, NewRule
from translators import arns
from translators.elbv2 import action_words, errors, ids, listing, tag_words
from translators.elbv2.listeners import LISTENERS, RULES, default_rule, group_arns, told, told_rule
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_PROTOCOLS: Final[Mapping[BalancerKind, tuple[str, ...]]] = {
    BalancerKind.APPLICATION: ("HTTP", "HTTPS"),
    BalancerKind.NETWORK: ("TCP", "TLS", "UDP", "TCP_UDP"),
}
_GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "HTTP": frozenset({"HTTP", "HTTPS"}),
    "HTTPS": frozenset({"HTTP", "HTTPS"}),
    "TCP": frozenset({"TCP", "TCP_UDP"}),
    "TLS": frozenset({"TCP", "TLS"}),
    "UDP": frozenset({"UDP", "TCP_UDP"}),
    "TCP_UDP": frozenset({"TCP_UDP"}),
}
"""Protocol of a listener -> those of target groups that it can forward to."""
_SECURE: Final = frozenset({"HTTPS", "TLS"})
_NO_CERTIFICATE: Final = "A certificate must be specified for HTTPS and TLS listeners"  # unsourced
_NO_PLACE: Final = "Certificates cannot be specified for {} listeners"  # unsourced
_GIVEN: Final = {"Protocol": "protocol", "Port": "port"}
_CERTIFICATE: Final = re.compile(
    r"arn:aws:(acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]{36}|iam::\d{12}:server-certificate/[\w+=,.@/-]{1,640})"
)


@operation("elbv2", "CreateListener")
def create_listener(call: Call) -> Result:
    params = call.params
    balancer = ids.balancer_of(call, params["LoadBalancerArn"])
    protocol = _protocol(balancer, params.get("Protocol") or "")
    if params.get("Port") is None:
        raise errors.validation("A port must be specified")  # unsourced
    _check_unsupported(params)
    actions = _actions(call, balancer, protocol, params["DefaultActions"])
    certificates = _certificates(call, protocol, params.get("Certificates") or ())
    policy = _policy(protocol, params.get("SslPolicy"))
    wanted = NewListener(
        protocol, params["Port"], actions, certificates, policy, tag_words.checked(params.get("Tags") or ())
    )
    with _elsewhere(call):
        made = call.backend.listeners.create(call.scope, balancer.id, wanted)
    return {"Listeners": [LISTENERS.view(told(call, balancer, made, group_arns(call)))]}


@operation("elbv2", "ModifyListener")
def modify_listener(call: Call) -> Result:
    params = call.params
    listener, balancer = _listener(call)
    protocol = _protocol(balancer, params.get("Protocol") or listener.protocol)
    _check_unsupported(params)
    values = {name: params[member] for member, name in _GIVEN.items() if params.get(member)}
    given = params.get("DefaultActions")
    if given:
        values["actions"] = _actions(call, balancer, protocol, given)
    elif protocol != listener.protocol:
        _check_groups(call, balancer, protocol, listener.actions)
    given = params.get("Certificates")
    named = _certificates(call, protocol, given) if given else ()

    _policy(protocol, params.get("SslPolicy"))

    def secured(present: BalancerListener) -> Mapping[str, Any]:
        speaks = params.get("Protocol") or present.protocol
        policy = _policy(speaks, params.get("SslPolicy") or present.ssl_policy)
        if speaks not in _SECURE:
            if named:
                raise errors.validation(_NO_PLACE.format(speaks))
            return {"certificates": (), "ssl_policy": policy}
        default = named or present.certificates[:1]
        if not default:
            raise errors.validation(_NO_CERTIFICATE)
        return {"certificates": (*default, *present.certificates[1:]), "ssl_policy": policy}

    with _elsewhere(call):
        changed = call.backend.listeners.change(call.scope, listener.id, secured, **values)
    return {"Listeners": [LISTENERS.view(told(call, balancer, changed, group_arns(call)))]}


@operation("elbv2", "DeleteListener")
def delete_listener(call: Call) -> Result:
    listener, _ = _listener(call)
    call.backend.listeners.delete(call.scope, listener.id)
    return {}


@operation("elbv2", "CreateRule")
def create_rule(call: Call) -> Result:
    params = call.params
    listener, balancer = _listener(call)
    _check_transforms(params)
    if balancer.kind is not BalancerKind.APPLICATION:
        raise errors.validation("Rules are only supported for listeners of Application Load Balancers")  # unsourced
    conditions = action_words.read_conditions(params["Conditions"])
    actions = _actions(call, balancer, listener.protocol, params["Actions"])
    wanted = NewRule(params["Priority"], conditions, actions, tag_words.checked(params.get("Tags") or ()))
    with _elsewhere(call):
        made = call.backend.listeners.create_rule(call.scope, listener.id, wanted)
    return {"Rules": [RULES.view(told_rule(call, balancer, made, group_arns(call)))]}


@operation("elbv2", "ModifyRule")
def modify_rule(call: Call) -> Result:
    _check_transforms(call.params)
    arn = call.params["RuleArn"]
    short = _rule(call, arn)
    found = [each for each in call.backend.listeners.rules(call.scope) if each.id == short]
    if not found:
        raise errors.rule_not_found()
    balancer = call.backend.balancers.get(call.scope, found[0].balancer_id)
    values: dict[str, Any] = {}
    if call.params.get("Conditions"):
        values["conditions"] = action_words.read_conditions(call.params["Conditions"])
    if call.params.get("Actions"):
        protocol = call.backend.listeners.get(call.scope, found[0].listener_id).protocol
        values["actions"] = _actions(call, balancer, protocol, call.params["Actions"])
    with _elsewhere(call):
        changed = call.backend.listeners.change_rule(call.scope, short, **values)
    return {"Rules": [RULES.view(told_rule(call, balancer, changed, group_arns(call)))]}


@operation("elbv2", "DeleteRule")
def delete_rule(call: Call) -> Result:
    call.backend.listeners.delete_rule(call.scope, _rule(call, call.params["RuleArn"]))
    return {}


@operation("elbv2", "SetRulePriorities")
def set_rule_priorities(call: Call) -> Result:
    given: Sequence[Mapping[str, Any]] = call.params["RulePriorities"]
    if not given or any("RuleArn" not in each or "Priority" not in each for each in given):
        raise errors.validation("You must specify a rule ARN and a priority")  # unsourced
    priorities = {_rule(call, each["RuleArn"]): each["Priority"] for each in given}
    moved = call.backend.listeners.set_priorities(call.scope, priorities)
    balancer = call.backend.balancers.get(call.scope, moved[0].balancer_id)
    groups = group_arns(call)
    return {"Rules": [RULES.view(told_rule(call, balancer, each, groups)) for each in moved]}


@operation("elbv2", "AddListenerCertificates")
def add_listener_certificates(call: Call) -> Result:
    listener, _ = _listener(call)
    added = _certificates(call, listener.protocol, call.params["Certificates"], most=CERTIFICATES_OF_LISTENER)

    def with_them(present: BalancerListener) -> Mapping[str, Any]:
        if present.protocol not in _SECURE:
            raise errors.validation(_NO_PLACE.format(present.protocol))
        # The default one may be among the others, and is told twice then.
        beside = tuple(dict.fromkeys((*present.certificates[1:], *added)))
        if len(beside) > CERTIFICATES_OF_LISTENER:
            raise findings.LimitExceeded("certificates", CERTIFICATES_OF_LISTENER)
        return {"certificates": (*present.certificates[:1], *beside)}

    call.backend.listeners.change(call.scope, listener.id, with_them)
    return {"Certificates": [{"CertificateArn": each, "IsDefault": False} for each in added]}


@operation("elbv2", "RemoveListenerCertificates")
def remove_listener_certificates(call: Call) -> Result:
    listener, _ = _listener(call)
    gone = set(_arns(call.params["Certificates"]))

    def without_them(present: BalancerListener) -> Mapping[str, Any]:
        default, beside = present.certificates[:1], present.certificates[1:]
        if gone.intersection(default) - set(beside):
            raise AWSError(  # unsourced
                "OperationNotPermitted", "Default certificates cannot be removed from a listener"
            )
        return {"certificates": (*default, *(each for each in beside if each not in gone))}

    call.backend.listeners.change(call.scope, listener.id, without_them)
    return {}


@operation("elbv2", "DescribeListenerCertificates")
def describe_listener_certificates(call: Call) -> Result:
    listener, _ = _listener(call)
    told = [{"CertificateArn": each, "IsDefault": place == 0} for place, each in enumerate(listener.certificates)]
    page, more = listing.pages(call, told, lambda each: each)
    return {"Certificates": list(page), **more}


class _elsewhere:  # noqa: N801 - reads as a statement
    """Tells of a target group that serves another balancer by its ARN, which the finding has not."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, balancer_findings.TargetGroupElsewhere):
            arn = group_arns(self._call).get(error.group, "")
            raise AWSError(  # unsourced
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn}",
            ) from error


def _listener(call: Call) -> tuple[BalancerListener, LoadBalancer]:
    found = call.backend.listeners.get(call.scope, ids.digits(call, "listener", call.params["ListenerArn"]))
    balancer = call.backend.balancers.get(call.scope, found.balancer_id)
    if ids.listener_arn(call, balancer, found) != call.params["ListenerArn"]:
        raise errors.listener_not_found()
    return found, balancer


def _rule(call: Call, arn: str) -> str:
    """The digits of a rule that may be changed."""
    short = ids.digits(call, "listener-rule", arn)
    if arn == default_rule(arn.replace(":listener-rule/", ":listener/").rpartition("/")[0]):
        raise AWSError("OperationNotPermitted", f"Default rule '{arn}' cannot be changed or deleted")  # unsourced
    return short


def _protocol(balancer: LoadBalancer, protocol: str) -> str:
    known = _PROTOCOLS[balancer.kind]
    if protocol not in known:
        raise errors.validation(f"Listener protocol '{protocol}' must be one of '{', '.join(known)}'")  # unsourced
    return protocol


def _actions(
    call: Call, balancer: LoadBalancer, protocol: str, given: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    actions = action_words.read_actions(call, given)
    if balancer.kind is BalancerKind.NETWORK and any(each["type"] != "forward" for each in actions):
        raise errors.validation("Listeners of Network Load Balancers can only forward")  # unsourced
    _check_groups(call, balancer, protocol, actions)
    return actions


def _check_groups(call: Call, balancer: LoadBalancer, protocol: str, actions: Sequence[Mapping[str, Any]]) -> None:
    for group_id in forwarded(actions):
        group = call.backend.target_groups.get(call.scope, group_id)
        arn = ids.group_arn(call, group)
        if group.protocol not in _GROUPS[protocol]:
            raise AWSError(  # unsourced
                "IncompatibleProtocols",
                f"The protocol {group.protocol} of target group '{arn}' is not compatible with the protocol {protocol}"
                " of the listener",
            )
        if group.network_id != balancer.network_id:
            raise errors.invalid_configuration(  # unsourced
                f"Target group '{arn}' is not in the VPC of load balancer '{ids.balancer_arn(call, balancer)}'"
            )


def _certificates(call: Call, protocol: str, given: Sequence[Mapping[str, Any]], *, most: int = 1) -> tuple[str, ...]:
    names = _arns(given)
    if protocol not in _SECURE:
        if names:
            raise errors.validation(_NO_PLACE.format(protocol))
        return ()
    if not names:
        raise errors.validation(_NO_CERTIFICATE)
    if len(names) > most > 1:
        raise findings.LimitExceeded("certificates", most)
    if len(names) > most:
        raise errors.validation("Up to one certificate can be specified here")  # unsourced
    for name in names:
        if not is_certificate(call, name):
            raise errors.no_certificate(name)
    return names


def _arns(given: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Source: boto3#1601 and boto3#3727 (the words)."""
    if any(each.get("IsDefault") is not None for each in given):
        raise errors.validation("You cannot set the isDefault parameter for a certificate")
    return tuple(each["CertificateArn"] for each in given if each.get("CertificateArn"))


def is_certificate(call: Call, arn: str) -> bool:
    """Whether it can be one of the account: those of IAM are known here, those of ACM are taken as they are."""
    if not _CERTIFICATE.fullmatch(arn) or arn.split(":")[4] != call.account_id:
        return False
    if ":iam:" not in arn:
        return True
    kept = call.backend.server_certificates.list(call.scope)
    return arn in {arns.iam(call.account_id, "server-certificate", each.path, each.name) for each in kept}


def _policy(protocol: str, name: str | None) -> str | None:
    if protocol not in _SECURE:
        return None
    if name and name not in POLICIES:
        raise AWSError("SSLPolicyNotFound", f"SSL policy '{name}' not found")  # unsourced
    return name or DEFAULT_POLICY


def _check_unsupported(params: Mapping[str, Any]) -> None:
    if any(each not in {"", "None"} for each in params.get("AlpnPolicy") or ()):
        raise AWSError("ALPNPolicyNotSupported", "ALPN policies are not supported")  # unsourced
    if (params.get("MutualAuthentication") or {}).get("Mode") not in {None, "", "off"}:
        raise errors.validation("Mutual authentication is not supported")  # unsourced


def _check_transforms(params: Mapping[str, Any]) -> None:
    if params.get("Transforms"):
        raise errors.validation("Transforms are not supported")  # unsourced
