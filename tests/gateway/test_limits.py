from gateway.limits import Limits, TokenBuckets


def test_a_bucket_empties_and_fills_again():
    buckets = TokenBuckets(rate=2, burst=3)
    assert [buckets.take("a", "r", 0.0) for _ in range(4)] == [True, True, True, False]
    assert not buckets.take("a", "r", 0.4)
    assert buckets.take("a", "r", 0.6)
    assert not buckets.take("a", "r", 0.6)


def test_a_bucket_never_holds_more_than_its_burst():
    buckets = TokenBuckets(rate=100, burst=2)
    assert buckets.take("a", "r", 0.0)
    assert [buckets.take("a", "r", 1000.0) for _ in range(3)] == [True, True, False]


def test_accounts_and_regions_have_their_own():
    buckets = TokenBuckets(rate=1, burst=1)
    assert [buckets.take(*key, 0.0) for key in (("a", "r"), ("a", "s"), ("b", "r"), ("a", "r"))] == [
        True,
        True,
        True,
        False,
    ]


def test_a_queues_messages_are_longer_than_other_requests():
    limits = Limits()
    assert limits.body_of("sqs") == limits.of("sqs").body_bytes == 4 * limits.body_bytes
    assert limits.body_of("autoscaling") == limits.body_of(None) == limits.of("autoscaling").body_bytes
