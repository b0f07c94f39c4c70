"""Groups as the suites make, watch and remove them, and the bounded waits between."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from conformance.product import until

_numbers = itertools.count(1)


def unique(prefix: str = "c") -> str:
    """A name that no other test of this run has."""
    return f"{prefix}-{os.getpid()}-{next(_numbers)}"


@dataclass
class Fleet:
    """Makes groups with defaults that work, and removes all of them at the end."""

    autoscaling: Any
    ec2: Any
    image: str
    subnets: dict[str, str]
    template: str
    made: list[str] = field(default_factory=list)
    configurations: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)

    def create(self, desired: int = 0, minimum: int = 0, maximum: int = 10, **more: Any) -> str:
        """A new group from the shared template over all default subnets, settled; its name."""
        name = more.pop("AutoScalingGroupName", None) or unique("g")
        sources = {"LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "InstanceId"}
        if not sources & set(more):
            more["LaunchTemplate"] = {"LaunchTemplateName": self.template}
        if not {"VPCZoneIdentifier", "AvailabilityZones"} & set(more):
            more["VPCZoneIdentifier"] = ",".join(self.subnets.values())
        self.made.append(name)
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=minimum, MaxSize=maximum, DesiredCapacity=desired, **more
        )
        self.settle(name, desired)
        return name

    def configuration(self, **more: Any) -> str:
        """A new launch configuration; its name."""
        name = more.pop("LaunchConfigurationName", None) or unique("lc")
        more.setdefault("ImageId", self.image)
        more.setdefault("InstanceType", "t3.micro")
        self.autoscaling.create_launch_configuration(LaunchConfigurationName=name, **more)
        self.configurations.append(name)
        return name

    def new_template(self, **data: Any) -> str:
        """A new launch template; its name."""
        name = unique("lt")
        data.setdefault("ImageId", self.image)
        data.setdefault("InstanceType", "t3.micro")
        self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        self.templates.append(name)
        return name

    def prefix_list(self, *cidrs: str) -> str:
        """A new prefix list of IPv4; its id."""
        entries = [{"Cidr": cidr} for cidr in cidrs]
        made = self.ec2.create_managed_prefix_list(
            PrefixListName=unique("pl"), AddressFamily="IPv4", MaxEntries=max(1, len(cidrs)), Entries=entries
        )
        identity: str = made["PrefixList"]["PrefixListId"]
        self.lists.append(identity)
        return identity

    def group(self, name: str) -> dict[str, Any]:
        found = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        assert len(found) == 1, found
        return found[0]

    def exists(self, name: str) -> bool:
        return bool(self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"])

    def instances(self, name: str, state: str | None = None) -> list[dict[str, Any]]:
        return [one for one in self.group(name)["Instances"] if state in (None, one["LifecycleState"])]

    def ids(self, name: str, state: str | None = "InService") -> list[str]:
        return sorted(one["InstanceId"] for one in self.instances(name, state))

    def settle(self, name: str, count: int, standby: int = 0, seconds: float = 40.0) -> list[str]:
        """Wait until exactly ``count`` members are InService, healthy, and none is on its way; their ids."""

        def check() -> bool:
            seen = self.group(name)["Instances"]
            good = [one for one in seen if one["LifecycleState"] == "InService" and one["HealthStatus"] == "Healthy"]
            resting = [one for one in seen if one["LifecycleState"] == "Standby"]
            return len(good) == count and len(resting) == standby and len(seen) == count + standby

        try:
            until(f"{name} has {count} in service", check, seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.group(name)['Instances']}\n{self.story(name)}") from None
        return self.ids(name)

    def story(self, name: str, count: int = 10) -> str:
        seen = self.activities(name)[:count]
        return "\n".join(
            f"{a['StatusCode']} {a['Description']} {a['Cause']} {a.get('StatusMessage', '')}" for a in seen
        )

    def activities(self, name: str, **more: Any) -> list[dict[str, Any]]:
        pages = self.autoscaling.get_paginator("describe_scaling_activities").paginate(
            AutoScalingGroupName=name, **more
        )
        return [activity for page in pages for activity in page["Activities"]]

    def failures(self, name: str) -> list[str]:
        """Why activities of the group failed."""
        return [one["StatusMessage"] for one in self.activities(name) if one["StatusCode"] == "Failed"]

    def zones(self, name: str) -> Counter[str]:
        return Counter(one["AvailabilityZone"] for one in self.instances(name, "InService"))

    def servers(self, name: str, *states: str) -> list[dict[str, Any]]:
        """EC2's view of the members, found the way other tools find them: by the group's tag."""
        filters = [{"Name": "tag:aws:autoscaling:groupName", "Values": [name]}]
        filters.append({"Name": "instance-state-name", "Values": list(states or ("pending", "running"))})
        pages = self.ec2.get_paginator("describe_instances").paginate(Filters=filters)
        return [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]

    def delete(self, name: str) -> None:
        """Delete with all that is in it, and wait until it is gone."""
        self.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        until(f"{name} is gone", lambda: not self.exists(name))

    def run(self, **more: Any) -> str:
        """A running instance of its own, in no group; its id."""
        if "NetworkInterfaces" not in more:
            more.setdefault("SubnetId", next(iter(self.subnets.values())))
        answer = self.ec2.run_instances(ImageId=self.image, InstanceType="t3.micro", MinCount=1, MaxCount=1, **more)
        identity: str = answer["Instances"][0]["InstanceId"]
        self.await_state(identity, "running")
        return identity

    def await_state(self, identity: str, state: str) -> None:
        def check() -> bool:
            answer = self.ec2.describe_instances(InstanceIds=[identity])
            return bool(answer["Reservations"][0]["Instances"][0]["State"]["Name"] == state)

        until(f"{identity} is {state}", check)

    def present(self, names: list[str]) -> list[dict[str, Any]]:
        """Those of the groups that there are, asked for a hundred at a time."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(names), 100):
            answer = self.autoscaling.describe_auto_scaling_groups(
                AutoScalingGroupNames=names[start : start + 100], MaxRecords=100, IncludeInstances=False
            )
            found += answer["AutoScalingGroups"]
        return found

    def dismiss(self, names: list[str]) -> None:
        """Delete groups with all that is in them, protected or not; nothing where they are gone or going."""
        for group in self.present(names):
            name = group["AutoScalingGroupName"]
            if "Status" in group:
                continue
            if group.get("DeletionProtection", "none") != "none":
                self.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, DeletionProtection="none")
            self.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)

    def sweep(self) -> None:
        """Remove everything this fleet made."""
        self.dismiss(self.made)
        until("all groups are gone", lambda: not self.present(self.made), 60)
        pages = self.autoscaling.get_paginator("describe_launch_configurations").paginate()
        known = {one["LaunchConfigurationName"] for page in pages for one in page["LaunchConfigurations"]}
        for name in known & set(self.configurations):
            self.autoscaling.delete_launch_configuration(LaunchConfigurationName=name)
        pages = self.ec2.get_paginator("describe_launch_templates").paginate()
        known = {one["LaunchTemplateName"] for page in pages for one in page["LaunchTemplates"]}
        for name in known & set(self.templates):
            self.ec2.delete_launch_template(LaunchTemplateName=name)
        for identity in self.lists:
            self.ec2.delete_managed_prefix_list(PrefixListId=identity)
        self.lists.clear()


def newest_image(ec2: Any) -> str:
    """The newest Amazon Linux 2023 for x86_64, found as its users find it."""
    answer = ec2.describe_images(
        Owners=["amazon"],
        Filters=[{"Name": "name", "Values": ["al2023-ami-2*-x86_64"]}, {"Name": "state", "Values": ["available"]}],
    )
    found: str = max(answer["Images"], key=lambda image: image["CreationDate"])["ImageId"]
    return found


def default_subnets(ec2: Any) -> dict[str, str]:
    """The default VPC's subnets by zone."""
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    answer = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return {
        one["AvailabilityZone"]: one["SubnetId"]
        for one in sorted(answer["Subnets"], key=lambda s: s["AvailabilityZone"])
    }


def make_fleet(autoscaling: Any, ec2: Any) -> Fleet:
    """A fleet on a server, with a shared template of its own."""
    fleet = Fleet(autoscaling, ec2, newest_image(ec2), default_subnets(ec2), "")
    fleet.template = fleet.new_template()
    return fleet
