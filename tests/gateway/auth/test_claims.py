import pytest

from gateway.auth import claims
from gateway.auth.refusals import Refusal
from gateway.request import Request
from tests.gateway.world import KEY, action, presigned

STAMP = "20150830T123600Z"


def refusal(request):
    with pytest.raises(Refusal) as caught:
        claims.read(request)
    return caught.value


def test_no_signature():
    for query in ("", "Action=GetCallerIdentity", "AWSAccessKeyId=x&Signature=y&SignatureVersion=2"):
        found = refusal(Request("GET", "/", query, {"host": "x"}))
        assert (found.code, found.status, found.message) == (
            "MissingAuthenticationToken",
            403,
            "Request is missing Authentication Token",
        )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Basic dXNlcjpwYXNz", "Unsupported AWS 'algorithm': 'Basic'"),
        ("AWS4-HMAC-SHA256", "'' not a valid key=value pair (missing equal-sign) in Authorization header."),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature=f",
            "Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=f",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'",
        ),
        (
            "AWS4-HMAC-SHA256 SignedHeaders=host",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter.",
        ),
    ],
)
def test_signatures_that_cannot_be_read(header, words):
    found = refusal(Request("POST", "/", "", {"host": "x", "x-amz-date": STAMP, "authorization": header}))
    assert (found.code, found.status) == ("IncompleteSignature", 400)
    assert words in found.message


def test_a_date_header_does_where_there_is_no_amz_date():
    header = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/sts/aws4_request, SignedHeaders=date;host, Signature=f"
    )
    claim = claims.read(Request("GET", "/", "", {"date": "Sun, 30 Aug 2015 12:36:00 GMT", "authorization": header}))
    assert claim.timestamp == STAMP


def test_the_claimed_service_is_known_before_the_rest_is():
    assert claims.service_of(action("elb", "DescribeLoadBalancers")) == "elasticloadbalancing"
    assert claims.service_of(presigned("ec2", "DescribeRegions")) == "ec2"
    assert claims.service_of(Request("GET", "/", "", {"authorization": "AWS4-HMAC-SHA256 Credential=a/b"})) is None
    assert claims.service_of(Request("GET", "/", "a=b", {})) is None
