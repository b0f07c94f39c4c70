"""CBOR byte by byte: what is read, what is refused, and what is written."""

import contextlib
import math
from datetime import UTC, datetime

import pytest
from botocore.parsers import RpcV2CBORParser
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limits import Limits
from gateway.protocol import cbor
from gateway.protocol.scalars import Malformed

LIMITS = Limits()


def read(text):
    return cbor.decoded(bytes.fromhex(text), LIMITS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("19ffff", 65535),
        ("1b ffffffffffffffff", 2**64 - 1),
        ("1b 0000000000000001", 1),
        ("20", -1),
        ("3b ffffffffffffffff", -(2**64)),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("f7", None),
        ("f93e00", 1.5),
        ("fa40f40000", 7.625),
        ("fb3ff8000000000000", 1.5),
        ("f97c00", math.inf),
        ("f9fc00", -math.inf),
        ("40", b""),
        ("43 010203", b"\x01\x02\x03"),
        ("5f 4101 420203 ff", b"\x01\x02\x03"),
        ("5fff", b""),
        ("60", ""),
        ("62 c3bc", "ü"),
        ("7f 6161 6162 ff", "ab"),
        ("7fff", ""),
        ("80", []),
        ("820102", [1, 2]),
        ("9f 01 9fff ff", [1, []]),
        ("a0", {}),
        ("bfff", {}),
        ("a1 6161 01", {"a": 1}),
        ("bf 7f6161ff 01 ff", {"a": 1}),
        ("c1 00", cbor.Instant(0)),
        ("c1 1a6b0ac240", cbor.Instant(1795867200)),
        ("c1 f93e00", cbor.Instant(1.5)),
        ("c1 fb41dac2b09007df3b", cbor.Instant(1795867200.123)),
        ("d801 20", cbor.Instant(-1)),
    ],
)
def test_values(text, expected):
    assert read(text) == expected
    assert read(text).__class__ is expected.__class__


def test_not_a_number():
    assert all(math.isnan(read(text)) for text in ("f97e00", "fa7fc00000", "fb7ff8000000000000"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "18",
        "1c",
        "1f",
        "3f",
        "43 0102",
        "5b ffffffffffffffff 00",
        "5a 80000000 00",
        "5f 6161 ff",
        "5f 5f4101ff ff",
        "5f 4101",
        "61 ff",
        "7f 61c3 61bc ff",
        "81",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "9f",
        "a1 6161",
        "a1 01 01",
        "a1 4161 01",
        "a1 f6 01",
        "a2 6161 01 6161 02",
        "bf 6161 ff",
        "bf 6161 01 7f6161ff 02 ff",
        "ff",
        "82 01 ff",
        "c0 6161",
        "c1 6161",
        "c1 f6",
        "c1 f5",
        "c1 c1 00",
        "c2 4101",
        "c3 4101",
        "d81c 80",
        "d81d 00",
        "d9d9f7 00",
        "d82301",
        "df 00",
        "e0",
        "f3",
        "f8 20",
        "f8 ff",
        "fc",
        "00 00",
        "a0 ff",
        "81" * 500 + "00",
        "9f" * 500,
        "a16161" * 500 + "00",
        "c1" * 500 + "00",
    ],
)
def test_what_is_none(text):
    with pytest.raises(Malformed):
        read(text)


def test_how_deep_and_how_much():
    small = Limits(depth=3, values=5)
    assert cbor.decoded(bytes.fromhex("81818100"), small) == [[[0]]]
    for text in ("8181818100", "8500000000 00", "7f 60 60 60 60 60 ff", "9f 00 00 00 00 00 ff"):
        with pytest.raises(Malformed):
            cbor.decoded(bytes.fromhex(text), small)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=PLAIN)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read(value):
    raw = cbor.encoded(value)
    assert cbor.decoded(raw, LIMITS) == value
    theirs = RpcV2CBORParser()
    assert theirs.parse_data_item(theirs.get_peekable_stream_from_bytes(cbor.encoded([value]))) == [_dropped(value)]


def _dropped(value):
    """As botocore reads it: a member that is null is absent."""
    if isinstance(value, dict):
        return {key: _dropped(item) for key, item in value.items() if item is not None}
    return [_dropped(item) for item in value] if isinstance(value, list) else value


@given(raw=st.binary(max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_value_or_none(raw):
    with contextlib.suppress(Malformed):
        cbor.decoded(raw, LIMITS)


def test_writing():
    moment = datetime(2026, 11, 28, 12, 0, 0, 123000, tzinfo=UTC)
    assert cbor.encoded(moment).hex() == "c1fb41dac2b09007df3b"
    assert cbor.encoded({"a": 1.0, "b": "\ud800"}).hex() == "a2 6161 fb3ff0000000000000 6162 613f".replace(" ", "")
    with pytest.raises(OverflowError):
        cbor.encoded(2**64)
    with pytest.raises(TypeError):
        cbor.encoded({1, 2})
