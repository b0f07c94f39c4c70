"""Each rule of RFC 9112 (and 9110) that tells one request from the next."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chunks import CHUNKS, LINE_BYTES, TRAILER_BYTES
from gateway.framing import HEAD_BYTES, Need, Refused, Requests, Whole

MOST = 1000
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def after(data):
    """What is known after these bytes; the same whether they come at once or one by one."""
    at_once = Requests(MOST).feed(data)
    requests = Requests(MOST)
    outcome = requests.next()
    for number in range(len(data)):
        outcome = requests.feed(data[number : number + 1])
        if isinstance(outcome, Whole | Refused):
            break
    if isinstance(at_once, Need):
        # Some of a body that has come says that the client does not wait.
        assert isinstance(outcome, Need)
    else:
        assert outcome == at_once
    return at_once


def head(*lines):
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: x", *lines, b"", b""))


@pytest.mark.parametrize(
    "data",
    [
        GET,
        b"GET / HTTP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\nhOST: x\r\n\r\n",
        "GET /é HTTP/1.1\r\nHost: x\r\nX: é\t\r\n\r\n".encode(),
        POST + b"Content-LENGTH:3\r\n\r\nabc",
        POST + b"Content-Length: \t 3 \t\r\n\r\nabc",
        POST + b"Content-Length: 0\r\n\r\n",
        POST + b"Content-Length: 00\r\n\r\n",
        POST + b"X-Content-Length: 5\r\nX: Content-Length: 5\r\n\r\n",
        POST + b"Empty:\r\n\r\n",
    ],
)
def test_a_whole_request_is_handed_on_as_it_came(data):
    assert after(data) == Whole(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"G",
        GET[:-1],
        GET[:-2],
        GET[:-3],
        POST + b"Content-Length: 3\r\n\r\nab",
        CHUNKED,
        CHUNKED + b"1",
        CHUNKED + b"1\r",
        CHUNKED + b"1\r\n",
        CHUNKED + b"1\r\na",
        CHUNKED + b"1\r\na\r",
        CHUNKED + b"1\r\na\r\n",
        CHUNKED + b"1\r\na\r\n0",
        CHUNKED + b"1\r\na\r\n0\r\n",
        CHUNKED + b"1\r\na\r\n0\r\n\r",
        CHUNKED + b"1\r\na\r\n0\r\nX: y\r\n",
        CHUNKED + b"f\r\n0\r\n\r\n",
        CHUNKED + b"5\r\n0\r\n\r\n",
        CHUNKED + b"0;ext\r\n",
    ],
)
def test_an_unfinished_request_waits(data):
    assert after(data) is Need.BYTES


@pytest.mark.parametrize(
    "data",
    [
        # 3: the request line
        b"nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.10\r\nHost: x\r\n\r\n",
        b"GET / http/1.1\r\nHost: x\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        # 2.2: bare CR and LF, NUL
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\n",
        b"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\x00",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: \x7f\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n" * 5 + GET,
        # 3.2: one Host
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        # 5.1 and 5.2: blanks before the colon, no colon, no name, folded lines
        head(b"Content-Length : 3"),
        head(b"Content-Length\t: 3"),
        head(b"nonsense"),
        head(b": 3"),
        head(b"X: y", b" folded: 3"),
        head(b"X: y", b"\tfolded"),
        head(b" X: y"),
        # 6.2 and 6.3: the length
        head(b"Content-Length: 3", b"Content-Length: 3"),
        head(b"Content-Length: 3", b"Content-Length: 4"),
        head(b"Content-Length: 3", b"content-length: 3"),
        head(b"Content-Length: 3, 3"),
        head(b"Content-Length: +3"),
        head(b"Content-Length: -3"),
        head(b"Content-Length: 0x3"),
        head(b"Content-Length: 3_0"),
        head(b"Content-Length: 3 0"),
        head(b"Content-Length: 3.0"),
        head(b"Content-Length: \xb2"),
        head(b"Content-Length: \xef\xbc\x93"),
        head(b"Content-Length:"),
        head(b"Content-Length: " + b"9" * 16),
        # 6.1 and 6.3: codings
        head(b"Transfer-Encoding: chunked", b"Content-Length: 3"),
        head(b"Content-Length: 3", b"Transfer-Encoding: chunked"),
        head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        head(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
        head(b"Transfer-Encoding: gzip, chunked"),
        head(b"Transfer-Encoding: chunked, gzip"),
        head(b"Transfer-Encoding: chunked, chunked"),
        head(b"Transfer-Encoding: identity"),
        head(b"Transfer-Encoding: xchunked"),
        head(b"Transfer-Encoding: chunked;a=b"),
        head(b"Transfer-Encoding: \x0bchunked"),
        head(b"Transfer-Encoding:"),
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        # 7.1: chunks
        CHUNKED + b"\r\n",
        CHUNKED + b"g\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"+1\r\n",
        CHUNKED + b"0x1\r\n",
        CHUNKED + b" 1\r\n",
        CHUNKED + b"1 \r\n",
        CHUNKED + b"1_0\r\n",
        CHUNKED + b"1\na\r\n",
        CHUNKED + b"1;a\nb\r\n",
        CHUNKED + b"1;a\rb\r\n",
        CHUNKED + b"1;a\x00b\r\n",
        CHUNKED + b";a\r\n",
        CHUNKED + b"f" * 17 + b"\r\n",
        CHUNKED + b"1;" + b"a" * LINE_BYTES,
        CHUNKED + b"1\r\nab\r\n",
        CHUNKED + b"1\r\na0\r\n",
        CHUNKED + b"1\r\na\r\n" * 2 + b"\r\n\r\n",
        # 7.1.2: trailers
        CHUNKED + b"0\r\nnonsense\r\n\r\n",
        CHUNKED + b"0\r\nX: y\r\n folded\r\n\r\n",
        CHUNKED + b"0\r\nX: y\nZ: z\r\n\r\n",
        CHUNKED + b"0\r\n" + b"X: y\r\n" * (TRAILER_BYTES // 6 + 1),
        CHUNKED + b"0\r\nX: " + b"y" * TRAILER_BYTES,
        # bounds
        b"G" * (HEAD_BYTES + 1),
        POST + b"X: " + b"y" * HEAD_BYTES + b"\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(data):
    outcome = after(data)
    assert isinstance(outcome, Refused)
    assert outcome.status == 400


def test_chunks_without_end_are_refused():
    requests = Requests(10 * CHUNKS)
    outcome = requests.feed(CHUNKED + b"1\r\na\r\n" * CHUNKS)
    assert outcome is Need.BYTES
    assert requests.feed(b"1\r\na\r\n").status == 400


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"0\r\n\r\n", b""),
        (b"1\r\na\r\n0\r\n\r\n", b"a"),
        (b"1\r\na\r\n002\r\nbc\r\n000\r\n\r\n", b"abc"),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789"),
        (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
        (b'1;a=b;c="d"\r\na\r\n0;last\r\n\r\n', b"a"),
        (b"1 \t;a\r\na\r\n0\r\n\r\n", b"a"),
        (b"1\r\na\r\n0\r\nX-Checksum: y\r\nHost: z\r\nContent-Length: 9\r\n\r\n", b"a"),
    ],
)
def test_chunks_become_one(body, content):
    one = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
    assert after(CHUNKED + body) == Whole(CHUNKED + one + b"0\r\n\r\n")


def test_a_body_over_the_limit_is_cut_and_the_last():
    start = POST + b"Content-Length: 5000\r\n\r\n"
    assert after(start + b"a" * MOST) is Need.BYTES
    assert after(start + b"a" * 3000) == Whole(start + b"a" * (MOST + 1), last=True)
    assert after(POST + b"Content-Length: 1000\r\n\r\n" + b"a" * MOST) == Whole(
        POST + b"Content-Length: 1000\r\n\r\n" + b"a" * MOST
    )
    assert after(CHUNKED + b"ffffffffffffffff\r\n" + b"a" * 3000) == Whole(
        CHUNKED + b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n", last=True
    )


@pytest.mark.parametrize("expect", [b"100-continue", b"100-Continue"])
def test_who_waits_for_our_word_is_given_it_once(expect):
    requests = Requests(MOST)
    start = head(b"Content-Length: 3", b"Expect: " + expect)
    assert requests.feed(start) is Need.WORD
    assert requests.feed(b"a") is Need.BYTES
    assert requests.feed(b"bc") == Whole(start + b"abc")
    assert Requests(MOST).feed(CHUNKED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")) is Need.WORD


def test_who_does_not_wait_is_given_no_word():
    assert Requests(MOST).feed(head(b"Content-Length: 3", b"Expect: 100-continue") + b"a") is Need.BYTES
    nothing_to_send = head(b"Expect: 100-continue")
    assert after(nothing_to_send) == Whole(nothing_to_send)
    old = b"POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
    assert after(old) is Need.BYTES


def test_expectations_that_cannot_be_met():
    assert after(head(b"Content-Length: 3", b"Expect: a-miracle")).status == 417
    assert after(head(b"Content-Length: 5000", b"Expect: 100-continue")).status == 413


def test_requests_one_after_another():
    second, third = POST + b"Content-Length: 2\r\n\r\nhi", CHUNKED + b"1\r\na\r\n0\r\n\r\n"
    requests = Requests(MOST)
    assert requests.feed(GET + b"\r\n" + second + third + GET[:5]) == Whole(GET)
    assert requests.next() == Whole(second)
    assert requests.next() == Whole(third)
    assert requests.next() is Need.BYTES
    assert requests.feed(GET[5:]) == Whole(GET)
    assert requests.size == 0


def test_a_field_with_many_blanks_is_read_at_once():
    blanks = POST + b"Expect:" + b" " * 60_000 + b"x" + b"\r\n\r\n"
    assert Requests(MOST).feed(blanks).status == 417


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(
            [GET, POST, CHUNKED, b"\r\n", b"\r", b"\n", b"0\r\n\r\n", b"1\r\na\r\n", b"Content-Length: 3\r\n", b"abc"]
        )
        | st.binary(max_size=5),
        max_size=12,
    ),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_it_does_not_matter_where_the_network_cuts(pieces, cuts):
    data = b"".join(pieces)

    def told(parts):
        requests, found = Requests(MOST), []
        for part in parts:
            outcome = requests.feed(part)
            while isinstance(outcome, Whole) and not outcome.last:
                found.append(outcome)
                outcome = requests.next()
            if not isinstance(outcome, Need):
                return [*found, outcome]
        return found

    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert told([data]) == told([data[low:high] for low, high in pairwise(edges)])
