from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.drivers.openstack import metadata

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=256)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_tags_of_aws_s_come_back_from_what_nova_takes(tags):
    items = metadata.encoded(tags)
    assert metadata.decoded({**items, metadata.LAUNCH: "l-1"}) == tags
    for key, value in items.items():
        assert re.fullmatch(r"[a-zA-Z0-9\-_:. ]{1,255}", key)
        assert len(value) <= 255
        assert all(ord(letter) < 0x10000 for letter in value)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4), st.data())
def test_tags_change_piece_by_piece(before, put, data):
    remove = frozenset(data.draw(st.sets(st.sampled_from([*before, "never there"])))) - put.keys()
    items = {**metadata.encoded(before), metadata.LAUNCH: "l-1"}
    stale = metadata.stale(items, put, remove)
    items |= metadata.encoded(put)
    for key in stale:
        del items[key]
    kept = {key: value for key, value in before.items() if key not in remove}
    assert metadata.decoded(items) == {**kept, **put}
    assert items[metadata.LAUNCH] == "l-1"


@pytest.mark.parametrize("key", ["Name", "aws:autoscaling:groupName", "metering.server_group", "a b-c_d"])
def test_a_tag_that_nova_takes_is_kept_readable(key):
    assert metadata.encoded({key: "some value"}) == {key: "some value"}


def test_a_value_that_gets_shorter_leaves_no_piece_behind():
    items = metadata.encoded({"k/1": "x" * 256})
    assert len(items) == 2
    stale = metadata.stale(items, {"k/1": "y"}, frozenset())
    assert stale == [key for key in items if key.endswith(".1")]
    assert metadata.stale(items, {}, frozenset({"k/1"})) == sorted(items)


def test_a_tag_cannot_pass_for_a_note_of_the_driver_s_own():
    items = metadata.encoded({"coppice:launch": "stolen"})
    assert "coppice:launch" not in items
    assert metadata.decoded(items) == {"coppice:launch": "stolen"}


@pytest.mark.parametrize("value", ["", "x/[]", "1/{}", "1/[1,2]", '2/["a",', "9"])
def test_what_others_wrote_under_our_keys_is_passed_over(value):
    assert metadata.decoded({"coppice:tag:0123456789abcdef.0": value, "a": "b"}) == {"a": "b"}
