"""A whole stack on the real cloud: a network, public addresses, a balancer, a group; nothing of it is left afterwards.

``make stacks`` does as much with Terraform, for which its provider takes minutes.
"""

from __future__ import annotations

from typing import Any

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.openstack_lane.heartbeats import heartbeats
from conformance.openstack_lane.operator import Operator
from conformance.openstack_lane.standing import standing_in
from conformance.product import Access, until


def test_a_stack_comes_and_goes(server: Access, ec2: Any, fleet: Fleet, operator: Operator) -> None:
    elbv2 = client(server, "elbv2")
    before = standing_in(operator.owner)
    network = Network(ec2)
    with heartbeats(operator.project):
        balancer, group = balance(elbv2, network)
        name = fleet.create(
            2, VPCZoneIdentifier=",".join(network.subnets), TargetGroupARNs=[group], HealthCheckType="ELB"
        )
        fleet.settle(name, 2, seconds=60)
        members = set(fleet.ids(name))
        until("its targets are healthy", lambda: health(elbv2, group) == dict.fromkeys(members, "healthy"), 60)
        until("its instances have public addresses", lambda: len(addresses(ec2, members)) == 2, 60)
        floating = {ip.floating_ip_address: ip for ip in operator.owner.network.ips(project_id=operator.project)}
        led = addresses(ec2, members)
        assert {floating[public].fixed_ip_address for public in led} == set(led.values())
        with refused("DependencyViolation"):
            ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
        fleet.dismiss([name])
        until("its instances are gone", lambda: not operator.servers(name), 60)
        elbv2.delete_load_balancer(LoadBalancerArn=balancer)
        elbv2.delete_target_group(TargetGroupArn=group)
        network.end()
        until("nothing of it is left", lambda: standing_in(operator.owner) == before, 60)


class Network:
    """A VPC with two public subnets, a gateway and a group that lets HTTP in."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.vpc: str = ec2.create_vpc(CidrBlock="10.62.0.0/16")["Vpc"]["VpcId"]
        self.gateway: str = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.subnets = [self._subnet(f"10.62.{number}.0/24", zone) for number, zone in enumerate("ab")]
        described = {"GroupName": unique("front"), "Description": "the world", "VpcId": self.vpc}
        self.group: str = ec2.create_security_group(**described)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=self.group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0"
        )

    def _subnet(self, block: str, zone: str) -> str:
        made: str = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=f"us-east-1{zone}")[
            "Subnet"
        ]["SubnetId"]
        self.ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": True})
        return made

    def end(self) -> None:
        """Delete all of it, each when what is in it is gone."""
        until("its group is in no use", lambda: self._done("delete_security_group", GroupId=self.group), 60)
        self.ec2.detach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.ec2.delete_internet_gateway(InternetGatewayId=self.gateway)
        for subnet in self.subnets:
            until("its subnets are empty", lambda subnet=subnet: self._done("delete_subnet", SubnetId=subnet), 60)
        self.ec2.delete_vpc(VpcId=self.vpc)

    def _done(self, name: str, **asked: str) -> bool:
        try:
            getattr(self.ec2, name)(**asked)
        except self.ec2.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in {"DependencyViolation", "InvalidGroup.InUse"}:
                raise
            return False
        return True


def balance(elbv2: Any, network: Network) -> tuple[str, str]:
    """ARNs of a balancer that forwards, and of the target group that it forwards to."""
    name = unique("front")
    (balancer,) = elbv2.create_load_balancer(Name=name, Subnets=network.subnets, SecurityGroups=[network.group])[
        "LoadBalancers"
    ]
    arn: str = balancer["LoadBalancerArn"]
    made = elbv2.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=network.vpc)
    group: str = made["TargetGroups"][0]["TargetGroupArn"]
    zero = [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=zero)
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
    elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    return arn, group


def health(elbv2: Any, group: str) -> dict[str, str]:
    told = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in told}


def addresses(ec2: Any, members: set[str]) -> dict[str, str]:
    """Public address -> private one of instances that have both."""
    answer = ec2.describe_instances(InstanceIds=sorted(members))
    found = [one for reservation in answer["Reservations"] for one in reservation["Instances"]]
    return {one["PublicIpAddress"]: one["PrivateIpAddress"] for one in found if "PublicIpAddress" in one}
