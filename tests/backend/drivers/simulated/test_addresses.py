from __future__ import annotations

from backend.drivers.simulated.addresses import PUBLIC_POOL, usable


def test_the_first_four_addresses_and_the_last_are_kept_back():
    first, last = usable("172.31.16.0/20")
    assert first == int.from_bytes(bytes([172, 31, 16, 4]))
    assert last == int.from_bytes(bytes([172, 31, 31, 254]))
    assert last - first + 1 == 4091
    assert usable(PUBLIC_POOL)[1] - usable(PUBLIC_POOL)[0] > 4_000_000


def test_a_freed_address_rests_until_the_ring_has_come_round(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    (first,) = compute.create(scope, launch, 1)
    compute.delete(scope, first.id)
    clock.wait(5)
    rest = [server for _ in range(5) for server in compute.create(scope, launch, 818)]
    assert first.private_address not in {server.private_address for server in rest}
    (last,) = compute.create(scope, launch, 1)
    assert last.private_address == first.private_address
