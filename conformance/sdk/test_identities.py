"""boto3: roles, policies, instance profiles and parameters, as stacks make and remove them; servers that have them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
RIGHTS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
SSM_CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
TAGS = [{"Key": "team", "Value": "blue"}]


@pytest.fixture(scope="module")
def iam(server: Access) -> Any:
    return client(server, "iam")


@pytest.fixture
def role(iam: Any) -> Iterator[str]:
    name = unique("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    yield name
    iam.delete_role(RoleName=name)


@pytest.fixture
def profile(iam: Any, role: str) -> Iterator[str]:
    name = unique("profile")
    iam.create_instance_profile(InstanceProfileName=name, Tags=TAGS)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    yield name
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=name)


def test_a_role_and_what_hangs_on_it(iam: Any, role: str) -> None:
    iam.update_role(RoleName=role, Description="first", MaxSessionDuration=7200)
    iam.update_role_description(RoleName=role, Description="second")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(TRUST, indent=1))
    iam.tag_role(RoleName=role, Tags=TAGS)
    assert iam.list_role_tags(RoleName=role)["Tags"] == TAGS
    iam.untag_role(RoleName=role, TagKeys=["team"])
    told = iam.get_role(RoleName=role)["Role"]
    assert (told["Description"], told["AssumeRolePolicyDocument"]) == ("second", TRUST)
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(RIGHTS))
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["own"]
    assert iam.get_role_policy(RoleName=role, PolicyName="own")["PolicyDocument"] == RIGHTS
    iam.delete_role_policy(RoleName=role, PolicyName="own")
    iam.attach_role_policy(RoleName=role, PolicyArn=SSM_CORE)
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == [SSM_CORE]
    with refused("DeleteConflict", status=409):
        iam.delete_role(RoleName=role)
    iam.detach_role_policy(RoleName=role, PolicyArn=SSM_CORE)
    with refused("MalformedPolicyDocument"):
        iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument="{")


def test_a_policy_and_its_versions(iam: Any, role: str) -> None:
    arn = iam.create_policy(PolicyName=unique("policy"), PolicyDocument=json.dumps(RIGHTS))["Policy"]["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=TAGS)
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == TAGS
    iam.untag_policy(PolicyArn=arn, TagKeys=["team"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(RIGHTS))
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == RIGHTS
    assert [each["VersionId"] for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2"]
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
    entities = iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
    assert [each["RoleName"] for each in entities] == [role]
    iam.delete_role_permissions_boundary(RoleName=role)
    assert arn in {each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]}
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", status=404):
        iam.get_policy(PolicyArn=arn)
    assert iam.get_policy(PolicyArn=SSM_CORE)["Policy"]["IsAttachable"]
    assert iam.get_account_summary()["SummaryMap"]["RolesQuota"] == 1000


def test_a_service_linked_role(iam: Any) -> None:
    made = iam.create_service_linked_role(
        AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=unique("s").replace("-", "")
    )["Role"]
    task = iam.delete_service_linked_role(RoleName=made["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_who_would_make_users_is_told_where(iam: Any) -> None:
    with refused("InvalidAction", "openstack ec2 credentials create"):
        iam.create_user(UserName="x")


def test_instances_and_groups_have_a_profile(iam: Any, fleet: Fleet, role: str, profile: str) -> None:
    arn = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Arn"]
    iam.tag_instance_profile(InstanceProfileName=profile, Tags=TAGS)
    assert iam.list_instance_profile_tags(InstanceProfileName=profile)["Tags"] == TAGS
    iam.untag_instance_profile(InstanceProfileName=profile, TagKeys=["team"])
    assert profile in {each["InstanceProfileName"] for each in iam.list_instance_profiles()["InstanceProfiles"]}
    of_role = iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
    assert [each["Arn"] for each in of_role] == [arn]
    template = fleet.new_template(IamInstanceProfile={"Arn": arn})
    name = fleet.create(1, LaunchTemplate={"LaunchTemplateName": template})
    member = fleet.ids(name)[0]
    has = [{"Name": "instance-id", "Values": [member]}]

    def associations() -> list[Any]:
        found: list[Any] = fleet.ec2.describe_iam_instance_profile_associations(Filters=has)[
            "IamInstanceProfileAssociations"
        ]
        return found

    (present,) = associations()
    assert present["IamInstanceProfile"]["Arn"] == arn
    ec2 = fleet.ec2
    replaced = ec2.replace_iam_instance_profile_association(
        AssociationId=present["AssociationId"], IamInstanceProfile={"Name": profile}
    )["IamInstanceProfileAssociation"]
    ec2.disassociate_iam_instance_profile(AssociationId=replaced["AssociationId"])
    until("the profile is gone", lambda: not associations())
    ec2.associate_iam_instance_profile(InstanceId=member, IamInstanceProfile={"Name": profile})
    until("the profile is back", associations)
    fleet.delete(name)


def test_parameters(server: Access) -> None:
    ssm = client(server, "ssm")
    path = f"/{unique('app')}"
    name = f"{path}/size"
    assert ssm.put_parameter(Name=name, Value="1", Type="String", Tags=TAGS)["Version"] == 1
    assert ssm.put_parameter(Name=name, Value="2", Type="String", Overwrite=True)["Version"] == 2
    ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["live"])
    assert ssm.get_parameter(Name=f"{name}:live")["Parameter"]["Value"] == "1"
    ssm.unlabel_parameter_version(Name=name, ParameterVersion=1, Labels=["live"])
    assert [each["Version"] for each in ssm.get_parameter_history(Name=name)["Parameters"]] == [1, 2]
    secret = f"{path}/secret"
    ssm.put_parameter(Name=secret, Value="hunter2", Type="SecureString")
    assert ssm.get_parameters(Names=[secret], WithDecryption=True)["Parameters"][0]["Value"] == "hunter2"
    below = ssm.get_parameters_by_path(Path=path, WithDecryption=True)["Parameters"]
    assert [each["Value"] for each in below] == ["hunter2", "2"]
    listed = ssm.describe_parameters(ParameterFilters=[{"Key": "Path", "Values": [path]}])["Parameters"]
    assert [each["Type"] for each in listed] == ["SecureString", "String"]
    resource = {"ResourceType": "Parameter", "ResourceId": name}
    ssm.add_tags_to_resource(**resource, Tags=[{"Key": "k", "Value": "v"}])
    ssm.remove_tags_from_resource(**resource, TagKeys=["k"])
    assert ssm.list_tags_for_resource(**resource)["TagList"] == TAGS
    ssm.delete_parameter(Name=secret)
    assert ssm.delete_parameters(Names=[name, secret])["InvalidParameters"] == [secret]
    with refused("ParameterNotFound"):
        ssm.get_parameter(Name=name)


def test_a_provider_of_openid_connect(iam: Any) -> None:
    made = iam.create_open_id_connect_provider(
        Url=f"https://{unique('oidc')}.example", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )
    named = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    iam.add_client_id_to_open_id_connect_provider(ClientID="other", **named)
    iam.remove_client_id_from_open_id_connect_provider(ClientID="sts.amazonaws.com", **named)
    iam.update_open_id_connect_provider_thumbprint(ThumbprintList=["b" * 40], **named)
    iam.tag_open_id_connect_provider(Tags=TAGS, **named)
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == TAGS
    iam.untag_open_id_connect_provider(TagKeys=["team"], **named)
    told = iam.get_open_id_connect_provider(**named)
    assert (told["ClientIDList"], told["ThumbprintList"]) == (["other"], ["b" * 40])
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert named["OpenIDConnectProviderArn"] in {each["Arn"] for each in listed}
    iam.delete_open_id_connect_provider(**named)


@pytest.fixture
def pem(tmp_path: Path) -> tuple[str, str]:
    """A certificate that signs itself, and its key."""
    key, body = tmp_path / "key.pem", tmp_path / "body.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "9",
            "-subj",
            "/CN=web.example",
            "-keyout",
            str(key),
            "-out",
            str(body),
        ],
        check=True,
        capture_output=True,
    )
    return body.read_text(), key.read_text()


@pytest.mark.embedded("listeners have certificates where the cloud has Barbican, and the test cloud has none")
def test_a_certificate_that_a_listener_has_stays(iam: Any, server: Access, ec2: Any, pem: tuple[str, str]) -> None:
    zones = [each["ZoneName"] for each in ec2.describe_availability_zones()["AvailabilityZones"]]
    elb, name, (body, key) = client(server, "elb"), unique("cert"), pem
    made = iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=body, PrivateKey=key)
    secure = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTP", "InstancePort": 80}
    listener = {**secure, "SSLCertificateId": made["ServerCertificateMetadata"]["Arn"]}
    elb.create_load_balancer(LoadBalancerName=name, AvailabilityZones=zones[:1], Listeners=[listener])
    with refused("DeleteConflict", f":loadbalancer/{name}. Please remove it first", 409):
        iam.delete_server_certificate(ServerCertificateName=name)
    elb.delete_load_balancer(LoadBalancerName=name)
    iam.delete_server_certificate(ServerCertificateName=name)


def test_a_server_certificate(iam: Any, pem: tuple[str, str]) -> None:
    name, (body, key) = unique("cert"), pem
    iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=body, PrivateKey=key, Tags=TAGS)
    iam.update_server_certificate(ServerCertificateName=name, NewServerCertificateName=f"{name}-2")
    named = {"ServerCertificateName": f"{name}-2"}
    told = iam.get_server_certificate(**named)["ServerCertificate"]
    assert told["CertificateBody"].split() == body.split()
    assert iam.list_server_certificate_tags(**named)["Tags"] == TAGS
    iam.untag_server_certificate(TagKeys=["team"], **named)
    iam.tag_server_certificate(Tags=TAGS, **named)
    listed = iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert f"{name}-2" in {each["ServerCertificateName"] for each in listed}
    iam.delete_server_certificate(**named)
