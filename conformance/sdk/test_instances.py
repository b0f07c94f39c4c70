"""boto3: what instances are while they are there, their volumes and snapshots, and images of them."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet, unique

ZONE = "us-east-1a"
volumes = pytest.mark.embedded("the test cloud has no block storage")


@pytest.fixture
def instance(fleet: Fleet) -> Any:
    identity = fleet.run(Placement={"AvailabilityZone": ZONE}, DisableApiTermination=True)
    yield identity
    fleet.ec2.modify_instance_attribute(InstanceId=identity, DisableApiTermination={"Value": False})
    fleet.ec2.terminate_instances(InstanceIds=[identity])


def told(ec2: Any, identity: str) -> dict[str, Any]:
    found: dict[str, Any] = ec2.describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"][0]
    return found


def test_attributes(ec2: Any, instance: str) -> None:
    with refused("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[instance])
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiStop={"Value": True})
    with refused("OperationNotPermitted"):
        ec2.stop_instances(InstanceIds=[instance])
    ec2.modify_instance_attribute(InstanceId=instance, Attribute="disableApiStop", Value="false")
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    assert told(ec2, instance)["SourceDestCheck"] is False
    ec2.reset_instance_attribute(InstanceId=instance, Attribute="sourceDestCheck")
    assert told(ec2, instance)["SourceDestCheck"] is True
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens="required", HttpPutResponseHopLimit=2)
    assert told(ec2, instance)["MetadataOptions"]["HttpTokens"] == "required"
    ec2.modify_instance_maintenance_options(InstanceId=instance, AutoRecovery="disabled")
    assert told(ec2, instance)["MaintenanceOptions"] == {"AutoRecovery": "disabled"}
    ec2.modify_private_dns_name_options(InstanceId=instance, EnableResourceNameDnsARecord=True)
    assert told(ec2, instance)["PrivateDnsNameOptions"]["EnableResourceNameDnsARecord"] is True
    ec2.monitor_instances(InstanceIds=[instance])
    assert told(ec2, instance)["Monitoring"] == {"State": "enabled"}
    ec2.unmonitor_instances(InstanceIds=[instance])
    asked = [{"InstanceId": instance, "CpuCredits": "standard"}]
    ec2.modify_instance_credit_specification(InstanceCreditSpecifications=asked)
    credits_ = ec2.describe_instance_credit_specifications(InstanceIds=[instance])["InstanceCreditSpecifications"]
    assert credits_ == asked
    assert ec2.get_console_output(InstanceId=instance)["InstanceId"] == instance


def test_acts_while_the_cloud_is_busy_with_the_instance(ec2: Any, fleet: Fleet) -> None:
    """A cloud does one thing at a time to a server; what is asked for meanwhile is taken on all the same."""
    identity = fleet.run()
    ec2.reboot_instances(InstanceIds=[identity])
    ec2.reboot_instances(InstanceIds=[identity])
    (moved,) = ec2.stop_instances(InstanceIds=[identity])["StoppingInstances"]
    assert (moved["PreviousState"]["Name"], moved["CurrentState"]["Name"]) == ("running", "stopping")
    assert told(ec2, identity)["State"]["Name"] in {"stopping", "stopped"}
    fleet.await_state(identity, "stopped")
    (moved,) = ec2.start_instances(InstanceIds=[identity])["StartingInstances"]
    assert (moved["PreviousState"]["Name"], moved["CurrentState"]["Name"]) == ("stopped", "pending")
    fleet.await_state(identity, "running")
    image = ec2.create_image(InstanceId=identity, Name=unique("busy"), NoReboot=True)["ImageId"]
    ec2.reboot_instances(InstanceIds=[identity])
    (moved,) = ec2.stop_instances(InstanceIds=[identity])["StoppingInstances"]
    assert (moved["PreviousState"]["Name"], moved["CurrentState"]["Name"]) == ("running", "stopping")
    fleet.await_state(identity, "stopped")
    ec2.deregister_image(ImageId=image)
    ec2.terminate_instances(InstanceIds=[identity])
    fleet.await_state(identity, "terminated")


@volumes
def test_volumes(ec2: Any, instance: str) -> None:
    made = ec2.create_volume(AvailabilityZone=ZONE, Size=10, VolumeType="gp3", ClientToken=unique("v"))["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[made])
    ec2.attach_volume(VolumeId=made, InstanceId=instance, Device="/dev/sdf")
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[made])
    mappings = told(ec2, instance)["BlockDeviceMappings"]
    assert {each["DeviceName"] for each in mappings} >= {"/dev/sdf"}
    ec2.modify_volume(VolumeId=made, Size=20)
    (change,) = ec2.describe_volumes_modifications(VolumeIds=[made])["VolumesModifications"]
    assert (change["OriginalSize"], change["TargetSize"]) == (10, 20)
    assert ec2.describe_volume_status(VolumeIds=[made])["VolumeStatuses"][0]["VolumeStatus"]["Status"] == "ok"
    ec2.modify_volume_attribute(VolumeId=made, AutoEnableIO={"Value": False})
    auto = ec2.describe_volume_attribute(VolumeId=made, Attribute="autoEnableIO")["AutoEnableIO"]
    assert auto == {"Value": False}
    snapshot = ec2.create_snapshot(VolumeId=made, Description="d")["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot])
    ec2.delete_snapshot(SnapshotId=snapshot)
    with refused("VolumeInUse"):
        ec2.delete_volume(VolumeId=made)
    ec2.detach_volume(VolumeId=made)
    ec2.get_waiter("volume_available").wait(VolumeIds=[made])
    ec2.delete_volume(VolumeId=made)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[made])


@volumes
def test_an_image_of_an_instance(ec2: Any, instance: str) -> None:
    image = ec2.create_image(InstanceId=instance, Name=unique("golden"), NoReboot=True)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image])
    (snapshot, *_) = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    answer = ec2.describe_snapshot_attribute(SnapshotId=snapshot["SnapshotId"], Attribute="createVolumePermission")
    assert answer["CreateVolumePermissions"] == []
    answer = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")
    assert answer["LaunchPermissions"] == []
    ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert ec2.describe_images(Owners=["self"], Filters=[{"Name": "image-id", "Values": [image]}])["Images"] == []
