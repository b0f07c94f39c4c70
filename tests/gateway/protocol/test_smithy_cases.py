"""What Smithy's published protocol tests ask of a server, restated for a model of ours.

Source: smithy-lang/smithy, smithy-aws-protocol-tests (awsJson1_0, awsJson1_1) and smithy-protocol-tests (rpcv2Cbor).
"""

import json
import math
from datetime import UTC, datetime

import pytest
from botocore.model import ServiceModel

from gateway import dialects
from gateway.limits import Limits
from gateway.protocol import cbor
from gateway.protocol.aws_json import JsonProtocol
from gateway.protocol.rpc_cbor import CborProtocol
from gateway.protocol.writing import UnknownMemberError
from gateway.request import Request
from translators.errors import AWSError

SHAPES = {
    "Everything": {
        "type": "structure",
        "members": {
            "String": {"shape": "String"},
            "Integer": {"shape": "Integer"},
            "Long": {"shape": "Long"},
            "Float": {"shape": "Float"},
            "Double": {"shape": "Double"},
            "Boolean": {"shape": "Boolean"},
            "Blob": {"shape": "Blob"},
            "Timestamp": {"shape": "Timestamp"},
            "Iso": {"shape": "Timestamp", "timestampFormat": "iso8601"},
            "Http": {"shape": "HttpDate"},
            "Strings": {"shape": "Strings"},
            "Maps": {"shape": "Maps"},
            "Map": {"shape": "Map"},
            "Deep": {"shape": "DeepMap"},
            "Empty": {"shape": "Empty"},
            "Union": {"shape": "Union"},
            "Renamed": {"shape": "String", "locationName": "renamed"},
            "Itself": {"shape": "Everything"},
            "Many": {"shape": "Many"},
            "ByName": {"shape": "ByName"},
        },
    },
    "String": {"type": "string"},
    "Integer": {"type": "integer"},
    "Long": {"type": "long"},
    "Float": {"type": "float"},
    "Double": {"type": "double"},
    "Boolean": {"type": "boolean"},
    "Blob": {"type": "blob"},
    "Timestamp": {"type": "timestamp"},
    "HttpDate": {"type": "timestamp", "timestampFormat": "rfc822"},
    "Strings": {"type": "list", "member": {"shape": "String"}},
    "Map": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "String"}},
    "Maps": {"type": "list", "member": {"shape": "Map"}},
    "DeepMap": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Strings"}},
    "Empty": {"type": "structure", "members": {}},
    "Union": {"type": "structure", "union": True, "members": {"A": {"shape": "String"}, "B": {"shape": "Union"}}},
    "Many": {"type": "list", "member": {"shape": "Everything"}},
    "ByName": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Everything"}},
    "Wrong": {"type": "structure", "members": {"Message": {"shape": "String"}}, "exception": True},
    "Coded": {
        "type": "structure",
        "members": {"message": {"shape": "String"}},
        "exception": True,
        "error": {"code": "Customized", "httpStatusCode": 402, "senderFault": True},
    },
}
LIMITS = Limits()
CBOR = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def service(*, compatible=False):
    metadata = {
        "apiVersion": "2020-01-01",
        "endpointPrefix": "x",
        "serviceId": "x",
        "targetPrefix": "Target",
        "jsonVersion": "1.0",
        "protocol": "json",
    }
    whole = {"name": "Do", "http": {}, "input": {"shape": "Everything"}, "output": {"shape": "Everything"}}
    description = {
        "metadata": metadata | ({"awsQueryCompatible": {}} if compatible else {}),
        "operations": {
            "Do": whole,
            "Nothing": {"name": "Nothing", "http": {}},
            "Bare": {"name": "Bare", "http": {}, "input": {"shape": "Empty"}, "output": {"shape": "Empty"}},
        },
        "shapes": SHAPES,
    }
    return ServiceModel(description, "x")


MODEL = service()
JSON_FORM = JsonProtocol(MODEL, dialects.of("x"))
CBOR_FORM = CborProtocol(MODEL, dialects.of("x"))


def json_request(body, operation="Do", **headers):
    target = {"x-amz-target": f"Target.{operation}", "content-type": "application/x-amz-json-1.0"}
    return Request("POST", "/", "", {**target, **headers}, body if isinstance(body, bytes) else body.encode())


def cbor_request(text, operation="Do", path="/service/Target/operation/", **headers):
    return Request("POST", path + operation, "", {**CBOR, **headers}, bytes.fromhex(text))


def read(protocol, request):
    assert protocol.claims(request)
    asked = protocol.asked(request, LIMITS)
    assert asked.service == "Target"
    return protocol.reader(MODEL.operation_model(asked.operation))(asked.content)


def refused(protocol, request):
    with pytest.raises(AWSError) as caught:
        read(protocol, request)
    return caught.value


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ("", {}),
        ("{}", {}),
        ('{"String":"abc xyz"}', {"String": "abc xyz"}),
        ('{"String":"{\\"a\\":[1,null]}"}', {"String": '{"a":[1,null]}'}),
        ('{"String":"\\ud83d\\ude00ü"}', {"String": "\U0001f600ü"}),
        ('{"Integer":1234}', {"Integer": 1234}),
        ('{"Integer":2147483647,"Long":-9223372036854775808}', {"Integer": 2**31 - 1, "Long": -(2**63)}),
        ('{"Long":999999999999}', {"Long": 999999999999}),
        ('{"Float":1234.5,"Double":1}', {"Float": 1234.5, "Double": 1.0}),
        ('{"Float":"Infinity","Double":"-Infinity"}', {"Float": math.inf, "Double": -math.inf}),
        ('{"Blob":"YmluYXJ5LXZhbHVl"}', {"Blob": b"binary-value"}),
        ('{"Boolean":true}', {"Boolean": True}),
        ('{"Boolean":false}', {"Boolean": False}),
        ('{"Timestamp":946845296}', {"Timestamp": datetime(2000, 1, 2, 20, 34, 56, tzinfo=UTC)}),
        ('{"Timestamp":946845296.123}', {"Timestamp": datetime(2000, 1, 2, 20, 34, 56, 123000, tzinfo=UTC)}),
        ('{"Timestamp":-1}', {"Timestamp": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)}),
        ('{"Iso":"2000-01-02T20:34:56Z"}', {"Iso": datetime(2000, 1, 2, 20, 34, 56, tzinfo=UTC)}),
        ('{"Iso":"2000-01-02T21:34:56+01:00"}', {"Iso": datetime(2000, 1, 2, 20, 34, 56, tzinfo=UTC)}),
        ('{"Http":"Sun, 02 Jan 2000 20:34:56 GMT"}', {"Http": datetime(2000, 1, 2, 20, 34, 56, tzinfo=UTC)}),
        ('{"Strings":["abc","mno"]}', {"Strings": ["abc", "mno"]}),
        ('{"Strings":[]}', {"Strings": []}),
        ('{"Maps":[{"foo":"bar"},{}]}', {"Maps": [{"foo": "bar"}, {}]}),
        ('{"Map":{}}', {"Map": {}}),
        ('{"Deep":{"x":[],"y":["a"]}}', {"Deep": {"x": [], "y": ["a"]}}),
        ('{"Empty":{}}', {"Empty": {}}),
        ('{"renamed":"v"}', {"Renamed": "v"}),
        ('{"Renamed":"v"}', {}),
        ('{"Many":[{"Many":[{"Many":[{"Integer":123}]}]}]}', {"Many": [{"Many": [{"Many": [{"Integer": 123}]}]}]}),
        (
            '{"ByName":{"key1":{"ByName":{"key2":{"Boolean":false}}}}}',
            {"ByName": {"key1": {"ByName": {"key2": {"Boolean": False}}}}},
        ),
        ('{"Itself":{"String":"nested","Itself":{}}}', {"Itself": {"String": "nested", "Itself": {}}}),
        ('{"String":null}', {}),
        ('{"Strings":null,"Map":null,"Itself":null}', {}),
        ('{"Nonsense":{"deep":[1,2]},"__type":"x","Integer":1}', {"Integer": 1}),
        ('{"Union":{"A":"foo"}}', {"Union": {"A": "foo"}}),
        ('{"Union":{"B":{"A":"foo"},"A":null,"__type":"Union"}}', {"Union": {"B": {"A": "foo"}}}),
    ],
)
def test_json_requests(body, params):
    assert read(JSON_FORM, json_request(body)) == params


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "The request body is not valid JSON"),
        ("nonsense", "The request body is not valid JSON"),
        (b'{"String":"\xff"}', "The request body is not valid JSON"),
        ('{"String":"a\nb"}', "The request body is not valid JSON"),
        ("{} {}", "The request body is not valid JSON"),
        ('{"Integer":1,"Integer":2}', "The request body is not valid JSON"),
        ('{"Float":NaN}', "The request body is not valid JSON"),
        ('{"Float":-Infinity}', "The request body is not valid JSON"),
        ('{"Long":' + "9" * 5000 + "}", "The request body is not valid JSON"),
        ("[" * 100_000, "The request body is not valid JSON"),
        ('{"Itself":' * 41 + "1" + "}" * 41, "The request body is nested too deeply or has too many parts"),
        ('{"Nonsense":' + "[" * 41 + "]" * 41 + "}", "The request body is nested too deeply or has too many parts"),
        ('{"Nonsense":[' + "1," * LIMITS.values + "1]}", "The request body is nested too deeply or has too many parts"),
        ("[]", "Start of list found where not expected"),
        ("7", "Expected null"),
        ('{"Integer":"1"}', "STRING_VALUE can not be converted to an Integer"),
        ('{"Integer":true}', "TRUE_VALUE can not be converted to an Integer"),
        ('{"Integer":1.5}', "NUMBER_VALUE can not be converted to an Integer"),
        ('{"Integer":2147483648}', "NUMBER_VALUE can not be converted to an Integer"),
        ('{"Long":9223372036854775808}', "NUMBER_VALUE can not be converted to a Long"),
        ('{"Integer":[1]}', "Start of list found where not expected"),
        ('{"Integer":{}}', "Start of structure or map found where not expected."),
        ('{"String":1}', "NUMBER_VALUE can not be converted to a String"),
        ('{"String":false}', "FALSE_VALUE can not be converted to a String"),
        ('{"String":"\\u0000"}', "A String holds a NUL character"),
        ('{"String":"\\ud800"}', "A String is not valid Unicode"),
        ('{"Map":{"\\ud800":"x"}}', "A String is not valid Unicode"),
        ('{"Boolean":"true"}', "STRING_VALUE can not be converted to a Boolean"),
        ('{"Boolean":1}', "NUMBER_VALUE can not be converted to a Boolean"),
        ('{"Double":"1.5"}', "STRING_VALUE can not be converted to a Double"),
        ('{"Double":true}', "TRUE_VALUE can not be converted to a Double"),
        ('{"Double":1e999}', "NUMBER_VALUE can not be converted to a Double"),
        ('{"Double":1' + "0" * 400 + "}", "NUMBER_VALUE can not be converted to a Double"),
        ('{"Timestamp":"946845296"}', "STRING_VALUE can not be converted to a Timestamp"),
        ('{"Timestamp":1e300}', "NUMBER_VALUE can not be converted to a Timestamp"),
        ('{"Timestamp":1e999}', "NUMBER_VALUE can not be converted to a Timestamp"),
        ('{"Iso":946845296}', "NUMBER_VALUE can not be converted to a String"),
        ('{"Iso":"yesterday"}', "timestamp must follow ISO8601"),
        ('{"Http":"yesterday"}', "timestamp must follow RFC822"),
        ('{"Blob":"not base64!"}', "The value is not base64 encoded"),
        ('{"Blob":"ü"}', "The value is not base64 encoded"),
        ('{"Strings":"a"}', "Expected list or null"),
        ('{"Strings":{}}', "Start of structure or map found where not expected."),
        ('{"Strings":["a",null]}', "Null found where not expected"),
        ('{"Map":{"a":null}}', "Null found where not expected"),
        ('{"Map":[]}', "Start of list found where not expected"),
        ('{"Itself":"x"}', "Expected null"),
        ('{"Many":[null]}', "Null found where not expected"),
        ("null", "Null found where not expected"),
        ('{"Union":{}}', "A union must have exactly one member"),
        ('{"Union":{"C":1}}', "A union must have exactly one member"),
        ('{"Union":{"A":"x","B":{"A":"y"}}}', "A union must have exactly one member"),
    ],
)
def test_json_that_is_not_what_the_shape_wants(body, words):
    error = refused(JSON_FORM, json_request(body))
    assert (error.code, error.message) == ("MalformedInput", words)


def test_json_operations_without_input_take_any_object():
    for body in ("", "{}", '{"a":1}'):
        assert read(JSON_FORM, json_request(body, "Nothing")) == {}
        assert read(JSON_FORM, json_request(body, "Bare")) == {}


def test_json_envelopes():
    assert JSON_FORM.asked(json_request("{}", "a.b.Do"), LIMITS).service == "Target.a.b"
    for target in ("", "Do", "Target."):
        assert refused(JSON_FORM, json_request("{}", **{"x-amz-target": target})).code == "MissingAction"
    get = Request("GET", "/", "", {"x-amz-target": "Target.Do"})
    assert refused(JSON_FORM, get).code == "UnsupportedHttpVerb"
    assert not JSON_FORM.claims(Request("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}))


def answered(protocol, result, operation="Do"):
    return protocol.answerer(MODEL.operation_model(operation))(result, "id")


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ({}, "{}"),
        ({"String": None}, "{}"),
        ({"String": "ü"}, '{"String":"\\u00fc"}'),
        (
            {"Integer": 1, "Long": True, "Double": 1, "Float": math.nan},
            '{"Integer":1,"Long":1,"Double":1.0,"Float":"NaN"}',
        ),
        ({"Double": -math.inf, "Boolean": 0}, '{"Double":"-Infinity","Boolean":false}'),
        ({"Blob": b"\x00", "Timestamp": NOON}, '{"Blob":"AA==","Timestamp":1795867200}'),
        ({"Timestamp": NOON.replace(microsecond=123999)}, '{"Timestamp":1795867200.123}'),
        ({"Iso": NOON, "Http": NOON}, '{"Iso":"2026-11-28T12:00:00Z","Http":"Sat, 28 Nov 2026 12:00:00 GMT"}'),
        ({"Strings": [], "Map": {}, "Empty": {}}, '{"Strings":[],"Map":{},"Empty":{}}'),
        ({"Renamed": "v", "Itself": {"Itself": {"Integer": 1}}}, '{"renamed":"v","Itself":{"Itself":{"Integer":1}}}'),
        ({"Union": {"A": "foo"}}, '{"Union":{"A":"foo"}}'),
    ],
)
def test_json_answers(result, body):
    answer = answered(JSON_FORM, result)
    assert (answer.status, answer.body.decode()) == (200, body)
    assert answer.headers == {"Content-Type": "application/x-amz-json-1.0", "x-amzn-requestid": "id"}


def test_an_operation_without_output_has_an_empty_answer():
    assert answered(JSON_FORM, {}, "Nothing").body == b""
    assert answered(JSON_FORM, {}, "Nothing").headers["Content-Type"] == "application/x-amz-json-1.0"
    answer = answered(CBOR_FORM, {}, "Nothing")
    assert answer.body == b""
    assert answer.headers == {"smithy-protocol": "rpc-v2-cbor", "x-amzn-requestid": "id"}
    assert answered(CBOR_FORM, {}, "Bare").body == b"\xa0"


def test_errors():
    answer = JSON_FORM.refuse(AWSError("Wrong", "Hi", 404), "id")
    assert (answer.status, json.loads(answer.body)) == (400, {"__type": "Wrong", "Message": "Hi"})
    assert answer.headers == {
        "Content-Type": "application/x-amz-json-1.0",
        "x-amzn-requestid": "id",
        "x-amzn-errortype": "Wrong",
    }
    assert json.loads(JSON_FORM.refuse(AWSError("Wrong", ""), "id").body) == {"__type": "Wrong"}
    assert JSON_FORM.refuse(AWSError("InternalFailure", "x", 500), "id").status == 500
    answer = CBOR_FORM.refuse(AWSError("Customized", "Hi", 402), "id")
    assert (answer.status, cbor.decoded(answer.body, LIMITS)) == (400, {"__type": "Coded", "message": "Hi"})
    assert answer.headers == {
        "smithy-protocol": "rpc-v2-cbor",
        "Content-Type": "application/cbor",
        "x-amzn-requestid": "id",
    }


@pytest.mark.parametrize("make", [JsonProtocol, CborProtocol])
def test_errors_of_services_that_once_had_the_query_form(make):
    form = make(service(compatible=True), dialects.of("x"))

    def told(error):
        answer = form.refuse(error, "id")
        return answer.status, answer.headers["x-amzn-query-error"]

    assert told(AWSError("Customized", "Hi", 402)) == (402, "Customized;Sender")
    assert told(AWSError("Coded", "Hi", 402)) == (402, "Customized;Sender")
    assert told(AWSError("ValidationError", "Hi")) == (400, "ValidationError;Sender")
    assert told(AWSError("InternalFailure", "Hi", 500)) == (500, "InternalFailure;Receiver")


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        ("a0", {}),
        ("bfff", {}),
        ("a1 66537472696e67 6673696d706c65", {"String": "simple"}),
        ("bf 7f 63537472 63696e67 ff 7f 6161 6162 ff ff", {"String": "ab"}),
        ("a1 64426c6f62 43666f6f", {"Blob": b"foo"}),
        ("a1 64426c6f62 5f 4166 426f6f ff", {"Blob": b"foo"}),
        ("a1 66537472696e67 f6", {}),
        ("a1 66537472696e67 f7", {}),
        ("a1 67426f6f6c65616e f4", {"Boolean": False}),
        ("a2 67496e7465676572 1838 644c6f6e67 190100", {"Integer": 56, "Long": 256}),
        ("a1 67496e7465676572 f93c00", {"Integer": 1}),
        ("a2 66446f75626c65 f93e00 65466c6f6174 fa40f40000", {"Double": 1.5, "Float": 7.625}),
        ("a1 66446f75626c65 01", {"Double": 1.0}),
        ("a2 66446f75626c65 f97c00 65466c6f6174 fbfff0000000000000", {"Double": math.inf, "Float": -math.inf}),
        ("a1 6954696d657374616d70 c11a6b0ac240", {"Timestamp": NOON}),
        ("a1 6954696d657374616d70 c1fb41dac2b090000000", {"Timestamp": NOON}),
        ("a1 6954696d657374616d70 c1fb41dac2b09007df3b", {"Timestamp": NOON.replace(microsecond=123000)}),
        ("a1 6954696d657374616d70 c1f93e00", {"Timestamp": datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC)}),
        ("a1 6349736f c11a6b0ac240", {"Iso": NOON}),
        ("a1 67537472696e6773 80", {"Strings": []}),
        ("bf 67537472696e6773 9f 6161 6162 ff ff", {"Strings": ["a", "b"]}),
        ("a1 6444656570 a2 6178 80 6179 82 6161 6162", {"Deep": {"x": [], "y": ["a", "b"]}}),
        ("a2 6565787472 61 bf 6161 9f 01 02 ff ff 67496e7465676572 01", {"Integer": 1}),
        ("a1 65556e696f6e a1 6141 63666f6f", {"Union": {"A": "foo"}}),
        ("a1 65556e696f6e a1 6142 a1 6141 63666f6f", {"Union": {"B": {"A": "foo"}}}),
        ("a1 664974 7365 6c66 a1 67496e7465676572 01", {"Itself": {"Integer": 1}}),
    ],
)
def test_cbor_requests(text, params):
    assert read(CBOR_FORM, cbor_request(text)) == params


@pytest.mark.parametrize(
    "text",
    [
        "01",
        "80",
        "a1 66537472696e67 01",
        "a1 66537472696e67 4161",
        "a1 66537472696e67 6100",
        "a1 64426c6f62 6161",
        "a1 67496e7465676572 6131",
        "a1 67496e7465676572 f5",
        "a1 67496e7465676572 f93e00",
        "a1 67496e7465676572 f97e00",
        "a1 67496e7465676572 f97c00",
        "a1 67496e7465676572 1a80000000",
        "a1 66446f75626c65 634e614e",
        "a1 66446f75626c65 c101",
        "a1 6954696d657374616d70 1a6b0ac240",
        "a1 6954696d657374616d70 c1f97e00",
        "a1 6954696d657374616d70 c1f97c00",
        "a1 6954696d657374616d70 c11bffffffffffffffff",
        "a1 67537472696e6773 81 f6",
        "a1 634d6170 a1 6161 f6",
        "a1 65556e696f6e a0",
        "a1 65556e696f6e a2 6141 6161 6142 a1 6141 6161",
        "a0 00",
        "a2 66537472696e67 6161 66537472696e67 6162",
        "a1" * 300,
    ],
)
def test_cbor_that_is_not_what_the_shape_wants(text):
    assert refused(CBOR_FORM, cbor_request(text)).code == "MalformedInput"


def test_cbor_envelopes():
    for path in ("/prefix/of/a/proxy/service/Target/operation/", "/service/com.amazonaws.x.Target/operation/"):
        assert read(CBOR_FORM, cbor_request("a0", path=path)) == {}
    bare = Request("POST", "/service/Target/operation/Nothing", "", {"smithy-protocol": "rpc-v2-cbor"})
    assert read(CBOR_FORM, bare) == {}
    for path in ("/", "/service/Target/", "/service/Target/operations/", "/services/Target/operation/"):
        assert refused(CBOR_FORM, cbor_request("a0", path=path)).code == "InvalidAction"
    assert refused(CBOR_FORM, cbor_request("a0", **{"x-amz-target": "Target.Do"})).code == "InvalidAction"
    wrong = refused(CBOR_FORM, cbor_request("a0", **{"content-type": "application/json"}))
    assert (wrong.code, wrong.status) == ("UnsupportedMediaTypeException", 415)
    assert read(CBOR_FORM, cbor_request("a0", **{"content-type": "application/cbor; charset=x"})) == {}
    assert not CBOR_FORM.claims(Request("POST", "/service/Target/operation/Do", "", {"smithy-protocol": "rpc-v2-json"}))


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({}, "a0"),
        ({"String": None}, "a0"),
        ({"Double": 21}, "a1 66446f75626c65 fb4035000000000000"),
        ({"Integer": True, "Boolean": 1}, "a2 67496e7465676572 01 67426f6f6c65616e f5"),
        (
            {"Timestamp": NOON, "Iso": NOON},
            "a2 6954696d657374616d70 c1fb41dac2b090000000 6349736f c1fb41dac2b090000000",
        ),
        ({"Blob": b"foo", "Strings": []}, "a2 64426c6f62 43666f6f 67537472696e6773 80"),
        ({"Itself": {"Union": {"A": "foo"}}}, "a1 66497473656c66 a1 65556e696f6e a1 6141 63666f6f"),
    ],
)
def test_cbor_answers(result, text):
    answer = answered(CBOR_FORM, result)
    assert (answer.status, answer.body) == (200, bytes.fromhex(text))
    assert answer.headers == {
        "smithy-protocol": "rpc-v2-cbor",
        "Content-Type": "application/cbor",
        "x-amzn-requestid": "id",
    }


@pytest.mark.parametrize("make", [JsonProtocol, CborProtocol])
def test_a_member_that_the_shape_has_not_is_a_fault_in_every_suite(make, caplog):
    operation = MODEL.operation_model("Do")
    with pytest.raises(UnknownMemberError, match="Nonsense"):
        make(MODEL, dialects.of("x")).answerer(operation)({"Itself": {"Nonsense": 1}}, "id")
    lenient = make(MODEL, dialects.of("x"), strict=False).answerer(operation)
    for _ in range(2):
        assert b"Nonsense" not in lenient({"Many": [{"Nonsense": 1}]}, "id").body
    assert caplog.text.count("Nonsense") == 1
