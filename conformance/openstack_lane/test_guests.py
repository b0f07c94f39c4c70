"""Servers that really run: they read who they are, complete their own hooks and answer: ``make guests``.

What they are told comes through haproxy and Neutron's own metadata agent, as on any cloud.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance import terraform
from conformance.clients import client
from conformance.fleet import Fleet, unique
from conformance.metadata import beside, companion
from conformance.openstack.balancers import inside
from conformance.openstack.cloud import state_folder
from conformance.openstack.guests import host
from conformance.openstack.settings import Settings, settle
from conformance.openstack_lane.asking import Asking
from conformance.openstack_lane.fronts import LONG, address_of, await_turns, front, none_lost
from conformance.openstack_lane.operator import Operator, short
from conformance.product import Access, Product, make_product, openstack_settings, until
from conformance.terraform.installed import installed
from conformance.terraform.stack import Stack

ZONE = "us-east-1d"
HOOKS = {"launch": "autoscaling:EC2_INSTANCE_LAUNCHING", "leave": "autoscaling:EC2_INSTANCE_TERMINATING"}
BOOT_SECONDS = 300.0
"""Before patience: emulated processors share the machine with the cloud."""
HEARTBEAT_SECONDS = 3600
"""Longer than any of the suite's waits: nobody is given up meanwhile."""
_numbers = itertools.count(66)
SCRIPT = """#!/bin/sh
imds=http://169.254.169.254
token=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600' $imds/latest/api/token)
read_it() {{ curl -sf -H "X-aws-ec2-metadata-token: $token" "$imds/latest/$1"; }}
id=$(read_it meta-data/instance-id)
group=$(read_it meta-data/tags/instance/aws:autoscaling:groupName)

complete() {{
    curl -s -o /dev/null -w '%{{http_code}}' --aws-sigv4 aws:amz:us-east-1:autoscaling --user '{key}:{secret}' \\
        -d "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=$group&LifecycleHookName=$1" \\
        -d "InstanceId=$id&LifecycleActionResult=CONTINUE" {endpoint}/
}}

{{
    echo "token ${{#token}}"
    echo "instance-id $id"
    echo "without-a-token $(curl -sf $imds/latest/meta-data/instance-id)"
    echo "group $group"
    echo "role $(read_it meta-data/tags/instance/role)"
    echo "state $(read_it meta-data/autoscaling/target-lifecycle-state)"
    echo "address $(read_it meta-data/local-ipv4)"
    echo "zone $(read_it meta-data/placement/availability-zone)"
    echo "user-data $(read_it user-data | sha256sum | cut -d' ' -f1)"
    echo "nova $(curl -sf $imds/openstack/latest/meta_data.json | sed 's/.*"uuid": "\\([^"]*\\)".*/\\1/')"
}} > /www/told.new
mv /www/told.new /www/told

until [ "$(complete launch)" = 200 ]; do sleep 1; done
echo "guest: $id completed its launch $(cut -d' ' -f1 /proc/uptime) s after its kernel began"
(
    until [ "$(read_it meta-data/autoscaling/target-lifecycle-state)" = Terminated ]; do sleep 2; done
    complete leave
) &
"""


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A Coppice that knows the guests' zone."""
    zones = openstack_settings(state_folder())["OS_OPENSTACK__ZONES"] + f",{ZONE}:{host.ZONE}"
    patience = {
        "OS_ENGINE__LAUNCH_GRACE_SECONDS": "300",
        "OS_ENGINE__BOOT_TIMEOUT_SECONDS": "1200",
        "OS_OPENSTACK__PORT_GRACE_SECONDS": "600",
    }
    made = make_product(tmp_path_factory.mktemp("product") / "state", {"OS_OPENSTACK__ZONES": zones, **patience})
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def cloud() -> Settings:
    return settle(state_folder(), None)


@pytest.fixture(scope="session")
def metadata(product: Product, cloud: Settings) -> Iterator[None]:
    """Coppice's metadata service, where Neutron's agent asks."""
    given = {"OS_METADATA__SECRET": host.SECRET, "OS_METADATA__NOVA_URL": cloud.url("nova-metadata")}
    with companion(product, cloud.port("metadata"), **given):
        yield


@pytest.fixture(scope="session")
def gateway(product: Product, cloud: Settings) -> Iterator[None]:
    """The API where guests call it."""
    socket = cloud.data / host.NAME / "aws"
    with beside(product, "serve", f"unix:{socket}"):
        until("the API is served to guests", socket.exists)
        yield


class Place:
    """A VPC with a subnet in the guests' zone; another one is there for balancers, which want two zones.

    Each has a range of its own: all networks with guests lead into one namespace, also one that a test left behind.

    Attributes:
        endpoint: where its guests call the API: at their gateway.
    """

    def __init__(self, ec2: Any) -> None:
        self._ec2 = ec2
        number = next(_numbers)
        self.endpoint = f"http://10.{number}.0.1:8080"
        self.vpc: str = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self._subnet(f"10.{number}.0.0/24", ZONE)
        self.other = self._subnet(f"10.{number}.1.0/24", "us-east-1a")

    def _subnet(self, block: str, zone: str) -> str:
        made = self._ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=zone)
        return str(made["Subnet"]["SubnetId"])

    def end(self) -> None:
        for subnet in (self.subnet, self.other):
            until("its subnet is empty", lambda: self._emptied(subnet), 60)  # noqa: B023 - at once
        self._ec2.delete_vpc(VpcId=self.vpc)

    def _emptied(self, subnet: str) -> bool:
        try:
            self._ec2.delete_subnet(SubnetId=subnet)
        except self._ec2.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "DependencyViolation":
                raise
            return False
        return True


@pytest.fixture
def place(ec2: Any) -> Iterator[Place]:
    made = Place(ec2)
    yield made
    made.end()


@pytest.fixture(scope="session")
def shared_fleet(asg: Any, ec2: Any) -> Iterator[Fleet]:
    """A fleet of guests, whose groups say themselves where they are."""
    (image,) = ec2.describe_images(Filters=[{"Name": "name", "Values": [host.IMAGE]}])["Images"]
    made = Fleet(asg, ec2, image["ImageId"], {}, "")
    yield made
    made.sweep()


def template(fleet: Fleet, script: str) -> str:
    """A launch template of guests that run a script."""
    return fleet.new_template(
        InstanceType=host.FLAVOR.name,
        UserData=base64.b64encode(script.encode()).decode(),
        MetadataOptions={"InstanceMetadataTags": "enabled"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "role", "Value": "web"}]}],
    )


def get(cloud: Settings, address: str, path: str = "/") -> str:
    """What a guest answers."""
    command = inside(cloud, "curl", "-sS", "--fail", "--max-time", "30", f"http://{address}{path}")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def unhooked(fleet: Fleet) -> Iterator[str]:
    """A name for a group with ``HOOKS``; the group goes at the end, and waits for no guest that never came to itself."""
    name = unique("guests")
    fleet.made.append(name)
    try:
        yield name
    finally:
        for hook in HOOKS:
            with contextlib.suppress(ClientError):
                fleet.autoscaling.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName=hook)
    fleet.delete(name)


@pytest.mark.usefixtures("metadata", "gateway")
def test_guests_read_who_they_are_and_complete_their_own_hooks(
    server: Access, place: Place, fleet: Fleet, operator: Operator, ec2: Any, cloud: Settings
) -> None:
    script = SCRIPT.format(key=server.key, secret=server.secret, endpoint=place.endpoint)
    hooks = [
        {
            "LifecycleHookName": hook,
            "LifecycleTransition": transition,
            "HeartbeatTimeout": HEARTBEAT_SECONDS,
            "DefaultResult": "ABANDON",
        }
        for hook, transition in HOOKS.items()
    ]
    with unhooked(fleet) as name:
        fleet.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=3,
            DesiredCapacity=2,
            VPCZoneIdentifier=place.subnet,
            LaunchTemplate={"LaunchTemplateName": template(fleet, script)},
            LifecycleHookSpecificationList=hooks,
        )
        # Nobody but they themselves ends the wait, by whose end they would be given up.
        members = fleet.settle(name, 2, seconds=BOOT_SECONDS)
        addresses = {one["InstanceId"]: one["PrivateIpAddress"] for one in fleet.servers(name)}
        for member in members:
            uuid = operator.uuid(member)
            told = get(cloud, addresses[member], "/told")
            assert dict(line.split(" ", 1) for line in told.splitlines()) == {
                "token": "56",
                "instance-id": member,
                "without-a-token": member,
                "group": name,
                "role": "web",
                "state": "InService",
                "address": addresses[member],
                "zone": ZONE,
                "user-data": hashlib.sha256(script.encode()).hexdigest(),
                "nova": uuid,
            }
            assert get(cloud, addresses[member]).split()[1:] == [addresses[member], uuid]
            console = ec2.get_console_output(InstanceId=member)["Output"]  # which boto3 has decoded
            assert f"guest: {member} completed its launch" in console
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        fleet.settle(name, 1, seconds=BOOT_SECONDS)


def test_guests_behind_a_balancer_are_replaced_without_a_lost_request(
    server: Access, place: Place, fleet: Fleet, cloud: Settings
) -> None:
    """A refresh of two and scaling in, of servers that boot, while a client asks the balancer."""
    autoscaling = fleet.autoscaling
    with front(client(server, "elbv2"), place.vpc, [place.subnet, place.other], "/") as made:
        group = fleet.create(
            0,
            maximum=4,
            VPCZoneIdentifier=place.subnet,
            LaunchTemplate={"LaunchTemplateName": template(fleet, "#!/bin/sh\n")},
            TargetGroupARNs=[made.target_group],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=600,
            DefaultInstanceWarmup=0,
        )
        autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=2)
        before = made.await_healthy(fleet, group, 2)
        with Asking(cloud, made.address, ("/", "/")) as asking:
            await_turns(asking, before, guest)
            refresh = autoscaling.start_instance_refresh(
                AutoScalingGroupName=group,
                Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 0},
            )["InstanceRefreshId"]

            def status() -> str:
                told = autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, InstanceRefreshIds=[refresh])
                return str(told["InstanceRefreshes"][0]["Status"])

            until("the refresh's end", lambda: status() not in {"Pending", "InProgress"}, LONG)
            assert status() == "Successful"
            after = made.await_healthy(fleet, group, 2)
            assert not set(after) & set(before)
            await_turns(asking, after, guest)
            autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
            fleet.settle(group, 1, seconds=LONG)
            await_turns(asking, made.await_healthy(fleet, group, 1), guest)
        none_lost(asking, (), "a refresh of two guests, and scaling in to one")
        fleet.delete(group)


def test_requests_through_the_tutorial_s_balancer_reach_its_members(
    server: Access, tmp_path: Path, fleet: Fleet, ec2: Any, cloud: Settings
) -> None:
    """Terraform's own stack, from the VPC to the group, of servers that boot."""
    (image,) = ec2.describe_images(ImageIds=[fleet.image])["Images"]
    variables = {
        "image": {"owner": image["OwnerId"], "name": host.IMAGE},
        "type": host.FLAVOR.name,
        "zones": [ZONE, "us-east-1a"],
        "served_from": 1,
        "port": 80,
        "grace": HEARTBEAT_SECONDS,
        "health_path": "/",
        "gone": {"code": "403"},
    }
    with installed() as tool:
        mark = unique("tut")
        stack = Stack(tool, Path(terraform.__file__).parent / "tutorial", tmp_path / "one", server, mark, **variables)
        try:
            stack.apply()
            told = stack.outputs()
            stack.no_change()
            with Asking(cloud, address_of(mark), ("/", "/")) as asking:
                await_turns(asking, fleet.ids(told["group"]), guest)
            none_lost(asking, (), "the tutorial's balancer")
        finally:
            stack.run("destroy", "-auto-approve")


def guest(answer: str) -> str:
    """The instance that answered: a guest tells its name, its address and its UUID."""
    return short(answer.rsplit(maxsplit=1)[-1])
