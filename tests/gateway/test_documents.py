from xml.etree import ElementTree as ET

import pytest

from gateway.documents import plain_error


@pytest.mark.parametrize(
    ("status", "line", "code", "fault"),
    [
        (400, "400 Bad Request", "MalformedQueryString", "Sender"),
        (405, "405 Method Not Allowed", "UnsupportedHttpVerb", "Sender"),
        (413, "413 Request Entity Too Large", "RequestEntityTooLarge", "Sender"),
        (500, "500 Internal Server Error", "InternalFailure", "Receiver"),
        (503, "503 Service Unavailable", "ServiceUnavailable", "Receiver"),
    ],
)
def test_each_status_has_an_aws_document(status, line, code, fault):
    said, body = plain_error(status, "a & b", "id")
    texts = {element.tag.rpartition("}")[2]: element.text for element in ET.fromstring(body).iter()}
    assert (said, texts["Code"], texts["Type"], texts["Message"], texts["RequestId"]) == (
        line,
        code,
        fault,
        "a & b",
        "id",
    )
