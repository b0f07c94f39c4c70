from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.node import Notice
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


HEAD = metadata._head("a")
FOREIGN = [
    "",
    "x/[]",
    "1/{}",
    "1/[1,2]",
    '2/["a",',
    "9",
    '0/["a","b"]',
    '01/["a","b"]',
    '2/["a","b"]',
    '999999999999/["a","b"]',
    "9" * 255,
    "\u0663/[]",
    "1/" + "[" * 253,
    '1/["a",' + "1" * 200,
    '1/["b","of another head"]',
    '1/["a","\\ud800"]',
    '1/["a","b","c"]',
]


@pytest.mark.parametrize("value", FOREIGN)
def test_what_others_wrote_under_our_keys_is_passed_over(value):
    assert metadata.decoded({f"{HEAD}.0": value, "a": "b"}) == {"a": "b"}


@pytest.mark.parametrize("filling", ["[", "1", '["a",', "{"])
def test_pieces_that_json_chokes_on_are_passed_over(filling):
    pieces = {f"{HEAD}.{number}": (filling * 255)[:251] for number in range(1, 20)}
    assert metadata.decoded({**pieces, f"{HEAD}.0": f"20/{filling}"}) == {}
    assert metadata.decoded({**pieces, f"{HEAD}.0": f'20/["a",{filling}'}) == {}


def test_the_longest_tag_there_can_be_comes_back():
    tags = {"\U0001f600" * 128: "\U0001f600" * 256}
    items = metadata.encoded(tags)
    assert metadata.decoded(items) == tags
    assert len(items) <= 20


class Counted(dict[str, str]):
    """Metadata that counts what is looked up in it."""

    looks = 0

    def get(self, key, default=None):
        self.looks += 1
        return super().get(key, default)


HEADS = st.sampled_from([metadata._head(key) for key in "abc"]).flatmap(
    lambda head: st.integers(0, 30).map(lambda number: f"{head}.{number}")
)
OURS = st.sampled_from([metadata.LAUNCH, metadata.BATCH, metadata.IMAGE, metadata.PORTS, metadata.TYPE, metadata.GROUP])
WRITTEN = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[0-9]{1,20}/\[.{0,100}", fullmatch=True),
    st.integers(0, 40).map(lambda number: f'{number}/["a","b"]'),
)


@given(st.dictionaries(st.one_of(HEADS, OURS, st.text(max_size=4)), WRITTEN, max_size=30))
def test_to_read_metadata_costs_no_more_than_its_size_whatever_is_in_it(written):
    counted = Counted(written)
    tags = metadata.decoded(counted)
    heads = sum(key.startswith("coppice:tag:") and key.endswith(".0") for key in written)
    assert counted.looks <= 20 * heads
    assert len(tags) <= len(written)
    assert sum(map(len, (*tags, *tags.values()))) <= sum(map(len, (*written, *written.values())))
    json.dumps(tags).encode()
    "".join((*tags, *tags.values())).encode()
    noted = metadata.notes_of(written)
    for each in (noted.launch_id, noted.subnet_id, noted.batch, noted.image_id, noted.port_id, noted.group_id):
        assert each is None or re.fullmatch(r"[0-9A-Za-z-]{1,36}", each)
    assert noted.flavor is None or len(noted.flavor) <= 64
    assert noted.group_name is None or len(noted.group_name) <= 255
    assert 0 <= noted.size < 100_000


@pytest.mark.parametrize("value", ["", "x" * 37, "../../servers/1", "a\x00b", "1?force=1", "launch one", "\u0663" * 36])
def test_a_note_of_another_shape_is_not_ours(value):
    noted = metadata.notes_of(dict.fromkeys((metadata.LAUNCH, metadata.IMAGE, metadata.PORTS, metadata.SUBNET), value))
    assert (noted.launch_id, noted.image_id, noted.port_id, noted.subnet_id) == (None, None, None, None)


@pytest.mark.parametrize("found", [None, [], "text", {"a": 5}, {"a": None}, {"a": {"b": "c"}}])
def test_metadata_of_another_form_is_none(found):
    assert metadata.items_of({"metadata": found}) == {}


@pytest.mark.parametrize(
    ("word", "notice"),
    [("rebalance", Notice.REBALANCE), ("interruption", Notice.INTERRUPTION), ("soon", None), ("", None), (None, None)],
)
def test_the_word_of_whatever_takes_servers_back(word, notice):
    items = {} if word is None else {metadata.NOTICE: word}
    assert metadata.notes_of(items).notice is notice
    assert metadata.decoded(items) == {}
