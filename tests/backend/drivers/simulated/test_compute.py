from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.node import ServerStatus
from backend.domain.profile import BlockDevice
from backend.domain.scope import Scope
from backend.drivers import terms
from backend.drivers.errors import (
    CloudUnavailable,
    FlavorNotSupported,
    ImageNotFound,
    NoAddresses,
    NoCapacity,
    NotHeld,
    OutcomeUnknown,
    QuotaExceeded,
    ServerBusy,
    ServerNotFound,
    ServerStateConflict,
)
from backend.drivers.images import Image
from backend.drivers.network import Rule
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings, servers
from backend.drivers.simulated.faults import DELETES, WRITES, Where
from backend.drivers.simulated.settings import SimulatedSettings as Settings
from backend.store.leased import Lease


def open_with(clock, **settings) -> SimulatedCloud:
    return SimulatedCloud.open(None, clock, Settings(**({"seed": 1} | settings)))


def statuses(simulated, scope):
    return [server.status for server in simulated.cloud.compute.list(scope)]


def test_a_boot_takes_the_clock_s_time_and_no_thread(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    clock.wait(1.9)
    assert compute.get(scope, server.id).status is ServerStatus.BUILDING
    clock.wait(0.7)
    booted = compute.get(scope, server.id)
    assert booted.status is ServerStatus.ACTIVE
    assert timedelta(seconds=2) <= booted.updated_at - booted.created_at <= timedelta(seconds=2.5)


def test_nothing_is_made_for_what_is_held_no_more_when_it_would_be(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    lease = Lease(key=("c",), scope=scope, epoch=1, mark=clock.now() + timedelta(seconds=30), clock=clock)
    terms.during(lease, lambda: compute.create(scope, launch, 1))
    simulated.faults.hooks.append(lambda moment, call: clock.wait(60))
    with pytest.raises(NotHeld):
        terms.during(lease, lambda: compute.create(scope, launch, 1))
    (server,) = compute.list(scope)
    with pytest.raises(NotHeld):
        terms.during(lease, lambda: compute.stop(scope, server.id))
    assert statuses(simulated, scope) == [ServerStatus.ACTIVE]
    terms.during(lease, lambda: compute.delete(scope, server.id))
    assert statuses(simulated, scope) == []


def test_what_may_be_late_is_a_write(simulated):
    assert set(WRITES) > DELETES


def test_boots_are_spread_and_repeat_with_the_seed(clock, scope, launch):
    def boot(seed):
        simulated = open_with(clock, seed=seed)
        servers = simulated.cloud.compute.create(scope, launch, 20)
        clock.wait(5)
        ready = simulated.cloud.compute.list(scope)
        simulated.close()
        return [server.id for server in servers], [server.updated_at - server.created_at for server in ready]

    assert boot(1) == boot(1)
    ids, durations = boot(2)
    assert ids != boot(3)[0]
    assert len(set(durations)) > 10


def test_no_latency_means_active_in_the_answer(clock, scope, launch):
    simulated = open_with(clock, boot_seconds=0, delete_seconds=0)
    (server,) = simulated.cloud.compute.create(scope, launch, 1)
    assert server.status is ServerStatus.ACTIVE
    simulated.cloud.compute.delete(scope, server.id)
    with pytest.raises(ServerNotFound):
        simulated.cloud.compute.get(scope, server.id)
    simulated.close()


def test_the_changes_of_a_life_are_told_at_the_time_they_happened(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    clock.wait(3)
    active_at = compute.get(scope, server.id).updated_at
    clock.wait(100)
    assert [s.id for s in compute.list_changed(scope, active_at)] == [server.id]
    assert compute.list_changed(scope, active_at + timedelta(microseconds=1)) == []
    deleted_at = clock.now()
    compute.delete(scope, server.id)
    assert [s.status for s in compute.list_changed(scope, deleted_at)] == [ServerStatus.DELETING]
    clock.wait(1)
    (told,) = compute.list_changed(scope, deleted_at + timedelta(seconds=1))
    assert (told.status, told.updated_at) == (ServerStatus.DELETED, deleted_at + timedelta(seconds=1))
    assert compute.list(scope) == []


def test_list_changed_reads_nothing_of_servers_that_did_not_change(clock, scope, launch):
    def steps(number):
        """Hundreds of SQLite's own instructions that one listing takes with so many idle servers."""
        simulated = open_with(clock, boot_seconds=0)
        simulated.cloud.compute.create(scope, launch, number)
        clock.wait(60)
        counted = []
        with simulated._state.reading() as connection:
            connection.set_progress_handler(lambda: counted.append(1), 100)
            assert simulated.cloud.compute.list_changed(scope, clock.now() - timedelta(seconds=30)) == []
            connection.set_progress_handler(None, 0)
        simulated.close()
        return len(counted)

    assert steps(2000) <= steps(1) + 1


def test_a_deleted_server_is_forgotten_after_its_retention(clock, scope, launch):
    simulated = open_with(clock, retention_seconds=3600)
    compute = simulated.cloud.compute
    begun = clock.now()
    for server in compute.create(scope, launch, 3):
        compute.delete(scope, server.id)
    clock.wait(3500)
    compute.create(scope, launch, 1)
    assert len(compute.list_changed(scope, begun)) == 4
    clock.wait(200)
    compute.create(scope, launch, 1)
    assert [s.status for s in compute.list_changed(scope, begun)] == [ServerStatus.ACTIVE, ServerStatus.BUILDING]
    assert [s.status for s in compute.list_changed(scope, begun, built=True)] == [ServerStatus.ACTIVE]
    with simulated._state.reading() as connection:
        assert connection.execute("SELECT count(*) FROM batches").fetchone() == (2,)
    simulated.close()


def test_what_was_asked_for_is_not_kept_of_servers_that_are_gone(monkeypatch, simulated, scope, launch, clock):
    monkeypatch.setattr(servers, "_LATELY", 40)
    compute = simulated.cloud.compute
    compute.create(scope, launch, 1)
    kept = []
    for _ in range(300):
        (server,) = compute.create(scope, launch, 1)
        compute.delete(scope, server.id)
        clock.wait(10)
        compute.list(scope)
        kept.append(len(simulated._world.servers._batches))
    assert max(kept[150:]) == max(kept[:150]) < 40


def test_what_was_asked_for_is_kept_up_to_a_bound(monkeypatch, simulated, scope, launch):
    monkeypatch.setattr(servers, "_CACHED_BATCHES", 20)
    compute = simulated.cloud.compute
    made = [compute.create(scope, replace(launch, name=f"web-{number}"), 1)[0] for number in range(30)]
    for _ in range(3):
        assert [each.name for each in compute.list(scope)] == [each.name for each in made]
        assert len(simulated._world.servers._batches) <= 20


def test_stale_listings_tell_the_past_and_get_the_present(clock, scope, launch):
    simulated = open_with(clock, listing_lag_seconds=5, boot_seconds=0, delete_seconds=0)
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    made_at = clock.now()
    assert compute.list(scope) == []
    assert compute.list_changed(scope, made_at) == []
    clock.wait(6)
    assert statuses(simulated, scope) == [ServerStatus.ACTIVE]
    simulated.operator.break_server(server.id)
    assert compute.get(scope, server.id).status is ServerStatus.ERROR
    assert statuses(simulated, scope) == [ServerStatus.ACTIVE]
    assert [s.status for s in compute.list_changed(scope, made_at)] == [ServerStatus.ACTIVE]
    clock.wait(6)
    assert statuses(simulated, scope) == [ServerStatus.ERROR]
    compute.delete(scope, server.id)
    assert statuses(simulated, scope) == [ServerStatus.ERROR]
    clock.wait(5)
    assert statuses(simulated, scope) == []


def test_a_region_the_cloud_does_not_have_cannot_be_asked(simulated, launch):
    elsewhere = Scope("project-1", "eu-west-1")
    for ask in (
        simulated.cloud.compute.list,
        simulated.cloud.compute.zones,
        simulated.cloud.images.list,
        simulated.cloud.network.subnets,
    ):
        with pytest.raises(CloudUnavailable):
            ask(elsewhere)
    with pytest.raises(CloudUnavailable):
        simulated.cloud.compute.create(elsewhere, launch, 1)


def test_regions_of_one_cloud_are_apart(clock, launch):
    simulated = open_with(clock, regions=("us-east-1", "eu-west-1"))
    here, there = Scope("p", "us-east-1"), Scope("p", "eu-west-1")
    compute = simulated.cloud.compute
    (server,) = compute.create(here, launch, 1)
    assert compute.list(there) == []
    with pytest.raises(ServerNotFound):
        compute.get(there, server.id)
    assert [zone.zone_id for zone in compute.zones(there)] == ["euw1-az1", "euw1-az2", "euw1-az3"]
    assert not {i.id for i in simulated.cloud.images.list(here)} & {i.id for i in simulated.cloud.images.list(there)}
    simulated.close()


def test_quota_counts_a_project_in_a_region_and_frees_what_is_gone(clock, scope, launch):
    simulated = open_with(clock, instances_per_project=3)
    compute = simulated.cloud.compute
    servers = compute.create(scope, launch, 2)
    with pytest.raises(QuotaExceeded) as refusal:
        compute.create(scope, launch, 2)
    assert (refusal.value.resource, refusal.value.requested, refusal.value.limit) == ("instances", 2, 3)
    assert len(compute.list(scope)) == 2
    compute.create(Scope("project-2", "us-east-1"), launch, 3)
    compute.delete(scope, servers[0].id)
    with pytest.raises(QuotaExceeded):
        compute.create(scope, launch, 2)
    clock.wait(1)
    compute.create(scope, launch, 2)
    simulated.close()


def test_a_zone_has_room_for_its_capacity_over_all_projects(clock, scope, launch):
    simulated = open_with(clock, zone_capacity=3)
    compute = simulated.cloud.compute
    compute.create(scope, launch, 2)
    compute.create(Scope("project-2", "us-east-1"), launch, 1)
    with pytest.raises(NoCapacity):
        compute.create(scope, launch, 1)
    compute.create(scope, replace(launch, zone="us-east-1b"), 3)
    simulated.close()


def test_a_subnet_gives_each_of_its_addresses_once(clock, scope, launch):
    simulated = open_with(clock, network_cidr="10.0.0.0/24", subnet_prefix=28, zones_per_region=2)
    compute = simulated.cloud.compute
    servers = compute.create(scope, launch, 8)
    assert simulated.cloud.network.subnets(scope)[0].free_addresses == 3
    with pytest.raises(NoAddresses):
        compute.create(scope, launch, 4)
    servers = [*servers, *compute.create(scope, launch, 3)]
    assert sorted(s.private_address for s in servers) == sorted(f"10.0.0.{n}" for n in range(4, 15))
    for server in servers[:4]:
        compute.delete(scope, server.id)
    assert simulated.cloud.network.subnets(scope)[0].free_addresses == 0
    clock.wait(2)
    assert simulated.cloud.network.subnets(scope)[0].free_addresses == 4
    again = compute.create(scope, launch, 4)
    assert {s.private_address for s in again} == {s.private_address for s in servers[:4]}
    assert simulated.cloud.network.subnets(scope)[1].free_addresses == 11
    simulated.close()


def test_public_addresses_are_given_as_asked_and_by_the_subnet_s_default(simulated, scope, launch):
    compute = simulated.cloud.compute
    usual = compute.create(scope, launch, 30)
    assert len({server.public_address for server in usual} - {None}) == 30
    (without,) = compute.create(scope, replace(launch, public_address=False), 1)
    assert without.public_address is None


def test_everything_asked_for_is_told_again(simulated, scope, launch):
    simulated.projects.create_key_pair(scope, "my key", "ed25519")
    group = simulated.projects.add_security_group(scope, "web", rules=[Rule(True, "tcp", 80, 80, "0.0.0.0/0")])
    devices = (
        BlockDevice("/dev/xvda", size_gib=20, volume_type="gp3"),
        BlockDevice("/dev/sdb", ephemeral="ephemeral0"),
    )
    request = replace(
        launch,
        key_name="my key",
        security_group_ids=(group.id,),
        block_devices=devices,
        user_data="aGk=",
        tags={"a": ""},
    )
    made = simulated.cloud.compute.create(scope, request, 2)[1]
    read = simulated.cloud.compute.get(scope, made.id)
    assert read == made
    assert (read.key_name, read.security_group_ids, read.block_devices) == ("my key", (group.id,), devices)
    assert (read.name, read.user_data, dict(read.tags)) == ("web-2", "aGk=", {"a": ""})
    assert read.reservation_id.startswith("r-")


def test_an_inactive_or_withdrawn_image_is_refused(simulated, scope, launch, clock):
    own = Image("11111111-1111-4111-8111-111111111111", "mine", "", "", None, "x86_64", clock.now(), active=False)
    simulated.projects.add_image(scope, own)
    simulated.projects.withdraw_image(launch.image_id)
    for image_id in (own.id, launch.image_id):
        with pytest.raises(ImageNotFound):
            simulated.cloud.compute.create(scope, replace(launch, image_id=image_id), 1)
    simulated.projects.restore_image(launch.image_id)
    simulated.cloud.compute.create(scope, launch, 1)


def test_suspension_and_rebuilding_take_their_time_and_bear_no_other_move(clock, scope, launch):
    simulated = open_with(clock, suspend_seconds=2, resume_seconds=3, rebuild_seconds=4)
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    clock.wait(5)
    seen = []
    for call, wait in ((compute.suspend, 2), (compute.resume, 3), (compute.rebuild, 4)):
        call(scope, server.id)
        for repeated in (compute.suspend, compute.rebuild):
            with pytest.raises(ServerStateConflict):
                repeated(scope, server.id)
        clock.wait(wait - 0.5)
        seen.append(compute.get(scope, server.id).status.value)
        clock.wait(0.5)
        seen.append(compute.get(scope, server.id).status.value)
    assert seen == ["active", "paused", "building", "active", "building", "active"]
    simulated.close()


@pytest.mark.parametrize("stopped", [False, True])
def test_an_image_of_a_server_bears_no_other_act(clock, scope, launch, stopped):
    simulated = open_with(clock, snapshot_seconds=3)
    compute, imaging = simulated.cloud.compute, simulated.cloud.imaging
    (server,) = compute.create(scope, launch, 1)
    clock.wait(5)
    if stopped:
        compute.stop(scope, server.id)
        with pytest.raises(ServerStateConflict):
            imaging.of_server(scope, server.id, "golden", "")
        clock.wait(5)
    imaging.of_server(scope, server.id, "golden", "")
    act = compute.start if stopped else compute.stop
    for call in (act, lambda *where: imaging.of_server(*where, "another", "")):
        with pytest.raises(ServerBusy) as busy:
            call(scope, server.id)
        assert not busy.value.rebooting
    clock.wait(3)
    act(scope, server.id)
    clock.wait(3)
    assert compute.get(scope, server.id).status is (ServerStatus.ACTIVE if stopped else ServerStatus.STOPPED)
    simulated.close()


def test_a_hard_reboot_waits_for_no_other(clock, scope, launch):
    simulated = open_with(clock, reboot_seconds=100)
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    clock.wait(5)
    compute.reboot(scope, server.id)
    for refused in (compute.reboot, compute.stop, compute.suspend, compute.rebuild):
        with pytest.raises(ServerBusy) as busy:
            refused(scope, server.id)
        assert busy.value.rebooting
    compute.reboot(scope, server.id, hard=True)
    compute.delete(scope, server.id)
    clock.wait(5)
    assert compute.list(scope) == []
    simulated.close()


def test_a_rebuild_brings_a_server_out_of_error_and_needs_an_image_that_fits(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    (server, untouched) = compute.create(scope, launch, 2)
    clock.wait(5)
    simulated.operator.break_server(server.id)
    arm = next(image for image in simulated.cloud.images.list(scope) if image.architecture == "arm64")
    with pytest.raises(FlavorNotSupported):
        compute.rebuild(scope, server.id, arm.id)
    assert compute.get(scope, server.id).image_id == launch.image_id
    simulated.projects.withdraw_image(launch.image_id)
    with pytest.raises(ImageNotFound):
        compute.rebuild(scope, server.id)
    simulated.projects.restore_image(launch.image_id)
    compute.rebuild(scope, server.id)
    clock.wait(2)
    assert (compute.get(scope, server.id).status, compute.get(scope, server.id).fault) == (ServerStatus.ACTIVE, None)
    assert compute.get(scope, untouched.id).status is ServerStatus.ACTIVE


def test_a_rebuild_is_lost_and_refused_as_faults_say(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    clock.wait(5)
    simulated.faults.lose_request(Where(calls=("rebuild",)))
    with pytest.raises(OutcomeUnknown):
        compute.rebuild(scope, server.id)
    assert compute.get(scope, server.id).status is ServerStatus.ACTIVE
    simulated.faults.lose_answer()
    with pytest.raises(OutcomeUnknown):
        compute.rebuild(scope, server.id)
    assert compute.get(scope, server.id).status is ServerStatus.BUILDING


def test_a_batch_has_at_least_one_server(simulated, scope, launch):
    with pytest.raises(ValueError, match="at least one"):
        simulated.cloud.compute.create(scope, launch, 0)


def test_stopping_and_starting_take_their_time(clock, scope, launch):
    simulated = SimulatedCloud.open(None, clock, SimulatedSettings(stop_seconds=4, start_seconds=3))
    compute = simulated.cloud.compute
    (server,) = compute.create(scope, launch, 1)
    seen = []
    for call, wait in ((None, 5), (compute.stop, 2), (None, 2), (compute.start, 2), (None, 1)):
        if call:
            call(scope, server.id)
        clock.wait(wait)
        seen.append(compute.get(scope, server.id).status.value)
    assert seen == ["active", "stopping", "stopped", "building", "active"]
    simulated.close()
