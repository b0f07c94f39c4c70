"""How much one request and one account may ask for; decides only, the pipeline refuses."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

BODY_BYTES: Final = 1024 * 1024
LONGEST_BODY_BYTES: Final = 4 * BODY_BYTES
"""Of those services whose requests are longer: a message of 1 MiB is three on the wire where each letter is escaped."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request.

    Attributes:
        body_bytes: the largest body that is looked at.
        longest_body_bytes: the largest that is read into memory.
        longer_bodies: the scopes of services whose requests may be as long as that.
        discard_bytes: how much of a larger body is read and thrown away, so that the client, still sending, gets to
            read AWS's error instead of a reset connection.
        query_bytes: the longest query string.
        parameters: the most ``key=value`` pairs.
        more_parameters: the same of services whose largest requests have more. An agent sends CloudWatch a thousand
            datums of several dimensions in one request, or fewer with 150 values each.
        depth: the most parts of a dotted key (no operation of the models has more than 14), and how deep JSON and CBOR
            may be nested.
        values: the most values of a JSON or CBOR body, those inside others among them, keys not.
    """

    body_bytes: int = BODY_BYTES
    longest_body_bytes: int = LONGEST_BODY_BYTES
    longer_bodies: frozenset[str] = frozenset({"sqs"})
    discard_bytes: int = 8 * BODY_BYTES
    query_bytes: int = 64 * 1024
    parameters: int = 10_000
    more_parameters: Mapping[str, int] = field(default_factory=lambda: {"cloudwatch": 200_000})
    depth: int = 40
    values: int = 400_000

    def body_of(self, scope: str | None) -> int:
        """The longest body of a request that is signed for a service's scope."""
        return self.longest_body_bytes if scope in self.longer_bodies else self.body_bytes

    def of(self, service: str) -> Limits:
        """The limits of requests to a service."""
        most, body = self.more_parameters.get(service, 0), self.body_of(service)
        if most <= self.parameters and body <= self.body_bytes:
            return self
        return replace(self, parameters=max(most, self.parameters), body_bytes=body)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class TokenBuckets:
    """One bucket per account and region, as the real service throttles: all operations of a service share it.

    The keys are authenticated accounts, so there are as many buckets as projects that really call; and the shares of
    those who are nobody's, whose number is bounded.

    Args:
        rate: tokens that come back a second.
        burst: tokens of a full bucket.
    """

    rate: float
    burst: float
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, account: str, region: str, now: float) -> bool:
        """Take one token; False where there is none. ``now`` is in seconds of a clock that never goes back."""
        with self._lock:
            bucket = self._buckets.get((account, region))
            if bucket is None:
                bucket = self._buckets[account, region] = _Bucket(self.burst, now)
            bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.rate)
            bucket.at = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True
