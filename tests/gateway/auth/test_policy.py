from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from oslo_config import cfg
from oslo_policy import _checks
from oslo_policy import policy as oslo

from gateway.auth.policy import RolePolicy
from tests.gateway.world import CALLER
from translators import load as operations  # noqa: F401 - registers every one
from translators.errors import AWSError

ACCOUNT = "123456789012"


def rules(tmp_path, text="# none\n"):
    (tmp_path / "policy.yaml").write_text(text)
    conf = cfg.ConfigOpts()
    conf(args=["--config-dir", str(tmp_path)])
    return RolePolicy(conf)


@pytest.fixture
def policy(tmp_path):
    return rules(tmp_path)


def allowed(policy, roles, service, operation):
    try:
        policy.check(replace(CALLER, roles=frozenset(roles)), ACCOUNT, service, operation)
    except AWSError:
        return False
    return True


@pytest.mark.parametrize(
    ("roles", "reads", "writes"),
    [(["reader"], True, False), (["member"], True, True), (["admin"], True, True), (["service"], False, False), ([], False, False)],
)  # fmt: skip
def test_readers_look_and_members_do(policy, roles, reads, writes):
    for service, operation in (("autoscaling", "DescribeAutoScalingGroups"), ("iam", "GetUser"), ("iam", "ListRoles")):
        assert allowed(policy, roles, service, operation) is reads
    for service, operation in (("autoscaling", "SetDesiredCapacity"), ("ec2", "RunInstances"), ("elbv2", "AddTags")):
        assert allowed(policy, roles, service, operation) is writes
    assert allowed(policy, roles, "sts", "GetCallerIdentity")


def test_a_request_is_judged_by_one_load_of_the_rules(tmp_path, monkeypatch):
    """The rule that is chosen and the rules that judge it are of one file: it may change between two loads."""
    loads = []

    load = oslo.Enforcer.load_rules

    def counted(enforcer, force_reload=False):
        loads.append(enforcer)
        load(enforcer, force_reload)

    monkeypatch.setattr(oslo.Enforcer, "load_rules", counted)
    held = rules(tmp_path, '"autoscaling:DescribeTags": "role:reader"\n')
    loads.clear()
    for number in (1, 2):
        assert allowed(held, ["reader"], "autoscaling", "DescribeTags")
        assert len(loads) == number


class Elsewhere:
    """Another thread, whose request finds the file changed. Once."""

    def __init__(self, tmp_path, text):
        self.file, self.text, self.held, self.found = tmp_path / "policy.yaml", text, None, None

    def asks(self):
        if self.text is None:
            return
        text, self.text = self.text, None
        then = self.file.stat().st_mtime + 10
        self.file.write_text(text)
        os.utime(self.file, (then, then))

        def ask():
            self.found = allowed(self.held, ["reader"], "autoscaling", "DescribeTags")

        other = threading.Thread(target=ask)
        other.start()
        other.join()


def test_a_rule_that_another_thread_takes_away_judges_who_chose_it(tmp_path, monkeypatch):
    elsewhere = Elsewhere(tmp_path, "# ours\n")
    enforce = oslo.Enforcer.enforce

    def enforced(enforcer, *asked):
        elsewhere.asks()
        return enforce(enforcer, *asked)

    monkeypatch.setattr(oslo.Enforcer, "enforce", enforced)
    elsewhere.held = rules(tmp_path, '"autoscaling:DescribeTags": "role:reader"\n')
    assert allowed(elsewhere.held, ["reader"], "autoscaling", "DescribeTags")
    assert elsewhere.found is True


def test_rules_of_two_files_judge_no_request(tmp_path, monkeypatch):
    named = '"autoscaling:DescribeTags": "{} and rule:inner"\n"inner": "{}"\n'
    elsewhere = Elsewhere(tmp_path, named.format("@", "!"))

    class Changes(_checks.Check):
        def __call__(self, target, creds, enforcer, current_rule=None):
            elsewhere.asks()
            return True

    monkeypatch.setitem(_checks.registered_checks, "changes", Changes)
    elsewhere.held = rules(tmp_path, named.format("changes:it", "@"))
    assert allowed(elsewhere.held, ["reader"], "autoscaling", "DescribeTags")
    assert elsewhere.found is False
    assert not allowed(elsewhere.held, ["reader"], "autoscaling", "DescribeTags")


def test_the_refusal_is_in_the_service_s_own_words(policy):
    nobody = replace(CALLER, roles=frozenset())
    arn = f"arn:aws:iam::{ACCOUNT}:user/{CALLER.user_name}"
    with pytest.raises(AWSError) as told:
        policy.check(nobody, ACCOUNT, "elb", "DescribeLoadBalancers")
    assert (told.value.code, told.value.status) == ("AccessDenied", 403)
    action = "elasticloadbalancing:DescribeLoadBalancers"
    assert told.value.message == (
        f"User: {arn} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
    )
    with pytest.raises(AWSError) as told:
        policy.check(nobody, ACCOUNT, "ec2", "DescribeInstances")
    assert (told.value.code, told.value.status) == ("UnauthorizedOperation", 403)
    assert told.value.message.startswith(f"You are not authorized to perform this operation. User: {arn} is not")


def test_an_operator_s_rules_go_before_ours(tmp_path):
    policy = rules(
        tmp_path,
        '"coppice:write": "role:scaler"\n"autoscaling:DeleteAutoScalingGroup": "!"\n"ec2:DescribeInstances": "role:auditor"\n',
    )
    assert allowed(policy, ["scaler"], "autoscaling", "SetDesiredCapacity")
    assert not allowed(policy, ["member"], "autoscaling", "SetDesiredCapacity")
    assert not allowed(policy, ["scaler"], "autoscaling", "DeleteAutoScalingGroup")
    assert not allowed(policy, ["scaler"], "ec2", "DescribeInstances")
    assert allowed(policy, ["auditor"], "ec2", "DescribeInstances")


def test_a_rule_for_an_action_that_is_not_there_is_told(tmp_path, caplog):
    text = (
        '"autoscaling:SetDesiredCapacty": "!"\n"member_of": "role:member"\n"site:rule": "@"\n"ec2:RunInstances": "!"\n'
    )
    rules(tmp_path, f'{text}"coppice:wirte": "!"\n')
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path}/policy.yaml: no action that is answered has these names")
    assert line.endswith(": autoscaling:SetDesiredCapacty, coppice:wirte")
    caplog.clear()
    rules(tmp_path, '"elasticloadbalancing:AddTags": "rule:coppice:read"\n')
    assert caplog.messages == []
