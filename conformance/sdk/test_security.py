"""boto3: security groups with their rules, and key pairs, from their making to their end."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import unique

WEB = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "in"}]}
ANY = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.fixture
def group(ec2: Any) -> Any:
    name = unique("group")
    made = ec2.create_security_group(GroupName=name, Description="of a test")["GroupId"]
    yield made
    ec2.delete_security_group(GroupId=made)
    with refused("InvalidGroup.NotFound"):
        ec2.describe_security_groups(GroupIds=[made])


def test_rules_come_change_and_go(ec2: Any, group: str) -> None:
    told = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])["SecurityGroupRules"]
    (rule,) = [each["SecurityGroupRuleId"] for each in told]
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])
    renamed = {**WEB, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "still in"}]}
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=[renamed])
    (found,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"]
    assert (found["Description"], found["IsEgress"]) == ("still in", False)
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    described = {**ANY, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "out"}]}
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[described])
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[ANY])
    (left,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert (left["IpPermissions"], left["IpPermissionsEgress"]) == ([], [])
    usable = ec2.get_security_groups_for_vpc(VpcId=left["VpcId"])["SecurityGroupForVpcs"]
    assert group in {each["GroupId"] for each in usable}


def test_keys(ec2: Any) -> None:
    name = unique("key")
    made = ec2.create_key_pair(KeyName=name, KeyType="ed25519")
    assert made["KeyMaterial"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    (told,) = ec2.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)["KeyPairs"]
    ec2.delete_key_pair(KeyName=name)
    other = ec2.import_key_pair(KeyName=name, PublicKeyMaterial=told["PublicKey"].encode())
    assert other["KeyFingerprint"] == made["KeyFingerprint"]
    ec2.delete_key_pair(KeyPairId=other["KeyPairId"])
    with refused("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyNames=[name])
