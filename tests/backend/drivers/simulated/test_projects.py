from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.scope import Scope
from backend.drivers.network import Rule


def test_a_project_starts_without_key_pairs_and_names_are_its_own(simulated, scope):
    other = Scope("project-2", "us-east-1")
    assert simulated.cloud.compute.key_pairs(scope) == []
    pair, private_key = simulated.projects.create_key_pair(scope, "a key", "ed25519")
    assert private_key.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert simulated.cloud.compute.key_pairs(scope) == [pair]
    assert simulated.cloud.compute.key_pairs(other) == []
    with pytest.raises(ValueError, match="exists"):
        simulated.projects.import_key_pair(scope, "a key", pair.public_key)
    imported = simulated.projects.import_key_pair(other, "a key", pair.public_key)
    assert (imported.fingerprint, imported.type) == (pair.fingerprint, "ed25519")
    simulated.projects.delete_key_pair(scope, "a key")
    simulated.projects.delete_key_pair(scope, "a key")
    assert simulated.cloud.compute.key_pairs(scope) == []
    assert simulated.cloud.compute.key_pairs(other) == [imported]


def test_security_groups_stand_beside_the_default_one(simulated, scope):
    rule = Rule(ingress=True, protocol="tcp", port_from=22, port_to=22, cidr="10.0.0.0/8")
    group = simulated.projects.add_security_group(scope, "ssh", "ssh from inside", [rule])
    plain = simulated.projects.add_security_group(scope, "plain")
    assert simulated.cloud.network.security_groups(scope)[1:] == [plain, group]
    assert [(r.ingress, r.cidr) for r in plain.rules] == [(False, "0.0.0.0/0")]
    for taken in ("ssh", "default"):
        with pytest.raises(ValueError, match="exists"):
            simulated.projects.add_security_group(scope, taken)
    simulated.projects.delete_security_group(group.id)
    assert simulated.cloud.network.security_groups(scope)[1:] == [plain]
    assert len(simulated.cloud.network.security_groups(Scope("project-2", "us-east-1"))) == 1


def test_a_private_image_is_its_project_s_alone(simulated, scope, launch, clock):
    public = simulated.cloud.images.list(scope)
    own = simulated.projects.add_image(
        scope, replace(public[0], id="22222222-2222-4222-8222-222222222222", name="mine", created_at=clock.now())
    )
    assert (own.owner_id, own.owner_alias, own.public) == (scope.project_id, None, False)
    assert simulated.cloud.images.list(scope) == [*public, own]
    assert own not in simulated.cloud.images.list(Scope("project-2", "us-east-1"))
    simulated.projects.withdraw_image(own.id)
    assert simulated.cloud.images.list(scope) == list(public)


def test_ids_repeat_with_the_seed(clock, scope, settings):
    from backend.drivers.simulated import SimulatedCloud

    ids = []
    for _ in range(2):
        simulated = SimulatedCloud.open(None, clock, settings)
        ids.append([simulated.projects.add_security_group(scope, name).id for name in ("a", "b")])
        simulated.close()
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2
