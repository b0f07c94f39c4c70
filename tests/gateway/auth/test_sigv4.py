"""AWS's published test vectors, requests signed by botocore, and each way to be refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.auth import claims, sigv4
from gateway.auth.credentials import Credential, StaticCredentials
from gateway.auth.refusals import Refusal
from gateway.request import Request
from tests.gateway.world import CALLER, KEY, SECRET, action, presigned, signed

STAMP = "20150830T123600Z"
SCOPE = claims.Scope(KEY, "20150830", "us-east-1", "service", "aws4_request")
KEYS = StaticCredentials({KEY: Credential(SECRET, CALLER)})
EXAMPLE = {"host": "example.amazonaws.com", "x-amz-date": STAMP}
FORM = "application/x-www-form-urlencoded"

# The signature version 4 test suite: method, path, query, headers beside EXAMPLE, body, signature.
VECTORS = {
    "get-vanilla": ("GET", "/", "", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-vanilla-query": ("GET", "/", "", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-vanilla-empty-query-key": (
        "GET",
        "/",
        "Param1=value1",
        {},
        b"",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    "get-vanilla-query-order-key-case": (
        "GET",
        "/",
        "Param2=value2&Param1=value1",
        {},
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-utf8-query": (
        "GET",
        "/",
        "\u1234=bar",
        {},
        b"",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    "get-unreserved": (
        "GET",
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "",
        {},
        b"",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    "get-utf8": ("GET", "/\u1234", "", {}, b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    "get-slash": ("GET", "//", "", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-slash-dot-slash": (
        "GET",
        "/./",
        "",
        {},
        b"",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-relative-relative": (
        "GET",
        "/example1/example2/../..",
        "",
        {},
        b"",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-header-key-duplicate": (
        "GET",
        "/",
        "",
        {"my-header1": "value2,value2,value1"},
        b"",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "get-header-value-trim": (
        "GET",
        "/",
        "",
        {"my-header1": " value1", "my-header2": ' "a   b   c" '},
        b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-vanilla": ("POST", "/", "", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-header-key-sort": (
        "POST",
        "/",
        "",
        {"my-header1": "value1"},
        b"",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        "",
        {"content-type": FORM},
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
}


def refusal(function, *arguments):
    with pytest.raises(Refusal) as caught:
        function(*arguments)
    return caught.value


def verified(request, now=None, keys=KEYS):
    return sigv4.verify(request, claims.read(request), keys, now or datetime.now(UTC))


@pytest.mark.parametrize("name", VECTORS)
def test_aws_published_vectors(name):
    method, path, query, headers, body, expected = VECTORS[name]
    request = Request(method, path, query, {**EXAMPLE, **headers}, body)
    canonical = sigv4.canonical_request(request, tuple(sorted(request.headers)))
    assert sigv4.signature(SECRET, sigv4.string_to_sign(canonical, STAMP, SCOPE), SCOPE) == expected


def test_the_steps_of_aws_documentation_for_iam_list_users():
    headers = {"content-type": f"{FORM}; charset=utf-8", "host": "iam.amazonaws.com", "x-amz-date": STAMP}
    request = Request("GET", "/", "Action=ListUsers&Version=2010-05-08", headers)
    canonical = sigv4.canonical_request(request, ("content-type", "host", "x-amz-date"))
    assert canonical == (
        "GET\n/\nAction=ListUsers&Version=2010-05-08\n"
        "content-type:application/x-www-form-urlencoded; charset=utf-8\nhost:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
        "content-type;host;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    scope = replace(SCOPE, service="iam")
    text = sigv4.string_to_sign(canonical, STAMP, scope)
    assert text == (
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n"
        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
    )
    key = sigv4.signing_key(SECRET, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    expected = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    assert sigv4.signature(SECRET, text, scope) == expected
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/iam/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date, Signature={expected}"
    )
    whole = replace(request, headers={**headers, "authorization": authorization})
    assert verified(whole, datetime(2015, 8, 30, 12, 40, tzinfo=UTC)).caller == CALLER


@given(
    parameters=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=4),
    header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_whatever_botocore_signs_is_verified(parameters, header):
    assert verified(action("autoscaling", "DescribeTags", parameters, headers={"X-Extra": header})).caller == CALLER
    assert verified(presigned("autoscaling", "DescribeTags", parameters)).caller == CALLER


@given(position=st.integers(0, 1000), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_changed_body_is_refused(position, bit):
    request = action("ec2", "DescribeRegions", {"DryRun": "true"})
    body = bytearray(request.body)
    body[position % len(body)] ^= 1 << bit
    assert refusal(verified, replace(request, body=bytes(body))).code == "SignatureDoesNotMatch"


def test_anything_signed_that_changes_is_refused():
    request = action("sts", "GetCallerIdentity")
    for changed in (
        replace(request, method="GET"),
        replace(request, path="/other"),
        replace(request, query="a=b"),
        replace(request, headers={**request.headers, "host": "elsewhere"}),
        replace(request, headers={**request.headers, "content-type": "text/plain"}),
    ):
        found = refusal(verified, changed)
        assert (found.code, found.status) == ("SignatureDoesNotMatch", 403)
        assert found.message.startswith(
            "The request signature we calculated does not match the signature you provided."
        )


def test_unsigned_payload_is_no_way_out():
    request = action("sts", "GetCallerIdentity", headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert refusal(verified, request).code == "SignatureDoesNotMatch"
    lying = replace(
        action("sts", "GetCallerIdentity"),
        headers={**action("sts", "GetCallerIdentity").headers, "x-amz-content-sha256": "0" * 64},
    )
    assert refusal(verified, lying).code == "SignatureDoesNotMatch"


def test_unknown_keys_and_wrong_secrets():
    for request in (
        action("sts", "GetCallerIdentity", key="AKIDOTHER"),
        presigned("sts", "GetCallerIdentity", key="AKIDOTHER"),
    ):
        found = refusal(verified, request)
        assert (found.code, found.status, found.message) == (
            "InvalidClientTokenId",
            403,
            "The security token included in the request is invalid.",
        )
        assert (found.ec2.code, found.ec2.status) == ("AuthFailure", 401)
    for request in (
        action("sts", "GetCallerIdentity", secret="wrong"),
        presigned("sts", "GetCallerIdentity", secret="wrong"),
    ):
        assert refusal(verified, request).code == "SignatureDoesNotMatch"


def test_session_tokens():
    lasting, temporary = KEYS, StaticCredentials({KEY: Credential(SECRET, CALLER, "token+/=")})
    for make in (action, presigned):
        assert verified(make("sts", "GetCallerIdentity", token="token+/="), keys=temporary).caller == CALLER
        for token, keys in (("token+/=", lasting), ("other", temporary), (None, temporary)):
            assert (
                refusal(verified, make("sts", "GetCallerIdentity", token=token), None, keys).code
                == "InvalidClientTokenId"
            )


@pytest.mark.parametrize(("offset", "word"), [(16, "Signature expired: "), (-16, "Signature not yet current: ")])
def test_a_clock_that_is_off(offset, word):
    request = action("sts", "GetCallerIdentity")
    stamp = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    found = refusal(verified, request, stamp + timedelta(minutes=offset))
    assert (found.code, found.status) == ("SignatureDoesNotMatch", 403)
    assert found.message.startswith(word)
    assert found.ec2.code == ("RequestExpired" if offset > 0 else "AuthFailure")
    verified(request, stamp + timedelta(minutes=14 if offset > 0 else -14))


def test_the_words_for_a_late_signature():
    headers = {
        **EXAMPLE,
        "authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=0",
    }
    found = refusal(verified, Request("GET", "/", "", headers), datetime(2015, 8, 30, 13, 0, tzinfo=UTC))
    assert (
        found.message
        == "Signature expired: 20150830T123600Z is now earlier than 20150830T124500Z (20150830T130000Z - 15 min.)"
    )


def test_a_presigned_request_is_good_for_its_time():
    request = presigned("sts", "GetCallerIdentity", expires=3600)
    now = datetime.now(UTC)
    verified(request, now + timedelta(minutes=59))
    late = refusal(verified, request, now + timedelta(minutes=61))
    assert (late.code, late.status, late.message) == ("RequestExpired", 400, "Request has expired.")
    early = refusal(verified, request, now - timedelta(minutes=16))
    assert early.code == "SignatureDoesNotMatch"
    too_long = presigned("sts", "GetCallerIdentity", expires=604801)
    assert refusal(verified, too_long).code == "IncompleteSignature"


@pytest.mark.parametrize("stamp", ["20150230T123600Z", "20150830T993600Z", "yesterday", "2015-08-30T12:36:00Z"])
def test_dates_that_are_none(stamp):
    header = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{stamp[:8]}/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=f"
    )
    request = Request("POST", "/", "", {"host": "x", "x-amz-date": stamp, "authorization": header})
    assert refusal(verified, request).code == "IncompleteSignature"
    missing = replace(request, headers={"host": "x", "authorization": header})
    assert "either a 'X-Amz-Date' or a 'Date' header" in refusal(verified, missing).message


@pytest.mark.parametrize(
    ("scope", "signed_headers", "words"),
    [
        (
            "20150830/us-east-1/sts/aws5",
            "host",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. ",
        ),
        (
            "20150831/us-east-1/sts/aws4_request",
            "host",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != '20150830', from '20150830T123600Z'.",
        ),
        (
            "20150830/us-east-1/sts/aws4_request",
            "x-amz-date",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
    ],
)
def test_scopes_that_do_not_fit(scope, signed_headers, words):
    header = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={signed_headers}, Signature=f"
    found = refusal(
        verified,
        Request("GET", "/", "", {**EXAMPLE, "authorization": header}),
        datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert (found.code, found.message, found.status) == ("SignatureDoesNotMatch", words, 403)


def test_the_signing_key_is_kept_where_the_signature_was_good():
    sigv4._keys.clear()
    for _ in range(3):
        verified(signed("sts", {"Action": "GetCallerIdentity"}))
    assert len(sigv4._keys) == 1
    good = signed("sts", {"Action": "GetCallerIdentity"})
    forged = replace(good, body=b"Action=Other")
    sigv4._keys.clear()
    with pytest.raises(Refusal):
        verified(forged)
    assert not sigv4._keys


@pytest.mark.parametrize("header", ["x-amz-target", "smithy-protocol"])
def test_a_header_that_names_the_operation_or_the_form_must_be_signed(header):
    bare = unsigned(action("autoscaling", "DescribeAutoScalingGroups"), header)
    with pytest.raises(Refusal) as told:
        sigv4.verify(bare, claims.read(bare), KEYS, datetime.now(UTC))
    assert told.value.code == "SignatureDoesNotMatch"
    asked = signed("autoscaling", body="", headers={header: "x"})
    assert header in claims.read(asked).signed_headers
    assert sigv4.verify(asked, claims.read(asked), KEYS, datetime.now(UTC)).caller == CALLER
    query = presigned("autoscaling", "DescribeAutoScalingGroups")
    with pytest.raises(Refusal):
        sigv4.verify(unsigned(query, header), claims.read(query), KEYS, datetime.now(UTC))


def unsigned(request, header):
    """The request, well signed, with a header that its signature does not cover."""
    return replace(request, headers={**request.headers, header: "x"})
