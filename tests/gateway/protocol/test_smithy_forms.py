"""What Smithy's published protocol tests ask of a server in the query and the ec2 form, restated for a model of ours.

Not restated: attributes and namespaces of XML, which no service here has, and the cases of flattened lists whose names
botocore, and with it every model here, understands otherwise.

Source: smithy-lang/smithy, smithy-aws-protocol-tests (awsQuery, ec2Query).
"""

from datetime import UTC, datetime

import pytest
from botocore.model import ServiceModel

from gateway.limits import Limits
from gateway.protocol.ec2 import EC2Protocol
from gateway.protocol.query import QueryProtocol
from gateway.request import Request
from translators.errors import AWSError

SHAPES = {
    "Everything": {
        "type": "structure",
        "members": {
            "Foo": {"shape": "String"},
            "Baz": {"shape": "Boolean"},
            "Bam": {"shape": "Integer"},
            "Boo": {"shape": "Double"},
            "Qux": {"shape": "Blob"},
            "normalFormat": {"shape": "Timestamp"},
            "epochMember": {"shape": "Timestamp", "timestampFormat": "unixTimestamp"},
            "epochTarget": {"shape": "Epoch"},
            "httpDate": {"shape": "Timestamp", "timestampFormat": "rfc822"},
            "Nested": {"shape": "Nested"},
            "Both": {"shape": "Both"},
            "ListArg": {"shape": "Strings"},
            "Complex": {"shape": "Greetings"},
            "FlattenedListArg": {"shape": "Strings", "flattened": True},
            "ListWithName": {"shape": "NamedStrings"},
            "Nestings": {"shape": "Nestings"},
            "MapArg": {"shape": "Map"},
            "RenamedMapArg": {"shape": "Map", "locationName": "Renamed"},
            "ComplexMap": {"shape": "GreetingMap"},
            "MapWithNames": {"shape": "NamedMap"},
            "FlattenedMap": {"shape": "Map", "flattened": True},
            "FlattenedNames": {"shape": "NamedMap", "flattened": True, "locationName": "Hi"},
            "MapOfLists": {"shape": "MapOfLists"},
            "HasQueryName": {"shape": "String", "queryName": "A"},
            "HasBoth": {"shape": "String", "queryName": "B", "locationName": "ignoreMe"},
            "UsesXmlName": {"shape": "String", "locationName": "c"},
        },
    },
    "String": {"type": "string"},
    "Boolean": {"type": "boolean"},
    "Integer": {"type": "integer"},
    "Double": {"type": "double"},
    "Blob": {"type": "blob"},
    "Timestamp": {"type": "timestamp"},
    "Epoch": {"type": "timestamp", "timestampFormat": "unixTimestamp"},
    "Nested": {
        "type": "structure",
        "members": {
            "StringArg": {"shape": "String"},
            "OtherArg": {"shape": "Boolean"},
            "RecursiveArg": {"shape": "Nested"},
            "ListArg": {"shape": "Strings"},
        },
    },
    "Both": {"type": "structure", "members": {"FlattenedListArg": {"shape": "Strings"}}},
    "Greeting": {"type": "structure", "members": {"hi": {"shape": "String"}}},
    "Greetings": {"type": "list", "member": {"shape": "Greeting"}},
    "Strings": {"type": "list", "member": {"shape": "String"}},
    "NamedStrings": {"type": "list", "member": {"shape": "String", "locationName": "item"}},
    "Nestings": {"type": "list", "member": {"shape": "Strings"}},
    "Map": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "String"}},
    "GreetingMap": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Greeting"}},
    "NamedMap": {
        "type": "map",
        "key": {"shape": "String", "locationName": "K"},
        "value": {"shape": "String", "locationName": "V"},
    },
    "MapOfLists": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Strings"}},
}


def model(protocol):
    whole = {"name": "Do", "http": {}, "input": {"shape": "Everything"}, "output": {"shape": "Everything"}}
    description = {
        "metadata": {
            "apiVersion": "2020-01-08",
            "endpointPrefix": "x",
            "serviceId": "x",
            "protocol": protocol,
            "xmlNamespace": "https://example.com/",
        },
        "operations": {"Do": whole, "Nothing": {"name": "Nothing", "http": {}}},
        "shapes": SHAPES,
    }
    return ServiceModel(description, "x")


MODELS = {"query": model("query"), "ec2": model("ec2")}
FORMS = {"query": QueryProtocol(MODELS["query"]), "ec2": EC2Protocol(MODELS["ec2"])}
MORNING = datetime(2015, 1, 25, 8, tzinfo=UTC)
GMT = "Tue, 29 Apr 2014 18:30:38 GMT"
EVENING = datetime(2014, 4, 29, 18, 30, 38, tzinfo=UTC)


def read(form, text, operation="Do"):
    body = f"Action={operation}&Version=2020-01-08" + (f"&{text}" if text else "")
    request = Request("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}, body.encode())
    assert FORMS[form].claims(request)
    asked = FORMS[form].asked(request, Limits())
    assert (asked.operation, asked.service) == (operation, "2020-01-08")
    return FORMS[form].reader(MODELS[form].operation_model(operation))(asked.content)


def written(form, result, operation="Do"):
    answer = FORMS[form].answerer(MODELS[form].operation_model(operation))(result, "id")
    assert (answer.status, answer.headers["x-amzn-requestid"]) == (200, "id")
    return answer.body.decode()


BOTH = [
    ("", {}),
    ("Foo=val1", {"Foo": "val1"}),
    ("Foo=val1&Baz=true", {"Foo": "val1", "Baz": True}),
    ("Baz=false", {"Baz": False}),
    ("Bam=10", {"Bam": 10}),
    ("Boo=10.8", {"Boo": 10.8}),
    ("Qux=dmFsdWU%3D", {"Qux": b"value"}),
    (
        "Nested.StringArg=foo&Nested.OtherArg=true&Nested.RecursiveArg.StringArg=baz",
        {"Nested": {"StringArg": "foo", "OtherArg": True, "RecursiveArg": {"StringArg": "baz"}}},
    ),
]
QUERY = [
    (
        "normalFormat=2015-01-25T08%3A00%3A00Z&epochMember=1422172800&epochTarget=1422172800",
        {"normalFormat": MORNING, "epochMember": MORNING, "epochTarget": MORNING},
    ),
    (f"httpDate={GMT.replace(' ', '+')}", {"httpDate": EVENING}),
    ("ListArg.member.1=foo&ListArg.member.2=bar", {"ListArg": ["foo", "bar"]}),
    ("Complex.member.1.hi=hello&Complex.member.2.hi=hola", {"Complex": [{"hi": "hello"}, {"hi": "hola"}]}),
    ("ListArg=", {"ListArg": []}),
    (
        "FlattenedListArg.1=A&FlattenedListArg.2=B&ListArg.member.1=C",
        {"FlattenedListArg": ["A", "B"], "ListArg": ["C"]},
    ),
    ("ListWithName.item.1=A&ListWithName.item.2=B", {"ListWithName": ["A", "B"]}),
    ("Nestings.member.1.member.1=A&Nestings.member.2.member.1=B", {"Nestings": [["A"], ["B"]]}),
    (
        "MapArg.entry.1.key=foo&MapArg.entry.1.value=Foo&MapArg.entry.2.key=bar&MapArg.entry.2.value=Bar",
        {"MapArg": {"foo": "Foo", "bar": "Bar"}},
    ),
    ("Renamed.entry.1.key=foo&Renamed.entry.1.value=Foo", {"RenamedMapArg": {"foo": "Foo"}}),
    ("ComplexMap.entry.1.key=foo&ComplexMap.entry.1.value.hi=Foo", {"ComplexMap": {"foo": {"hi": "Foo"}}}),
    ("MapWithNames.entry.1.K=foo&MapWithNames.entry.1.V=Foo", {"MapWithNames": {"foo": "Foo"}}),
    (
        "FlattenedMap.1.key=foo&FlattenedMap.1.value=Foo&FlattenedMap.2.key=bar&FlattenedMap.2.value=Bar",
        {"FlattenedMap": {"foo": "Foo", "bar": "Bar"}},
    ),
    ("Hi.1.K=foo&Hi.1.V=Foo&Hi.2.K=bar&Hi.2.V=Bar", {"FlattenedNames": {"foo": "Foo", "bar": "Bar"}}),
    (
        "MapOfLists.entry.1.key=foo&MapOfLists.entry.1.value.member.1=A&MapOfLists.entry.1.value.member.2=B",
        {"MapOfLists": {"foo": ["A", "B"]}},
    ),
]
EC2 = [
    (
        "NormalFormat=2015-01-25T08%3A00%3A00Z&EpochMember=1422172800&EpochTarget=1422172800",
        {"normalFormat": MORNING, "epochMember": MORNING, "epochTarget": MORNING},
    ),
    ("A=Hi", {"HasQueryName": "Hi"}),
    ("B=Hi", {"HasBoth": "Hi"}),
    ("C=Hi", {"UsesXmlName": "Hi"}),
    ("ListArg.1=foo&ListArg.2=bar", {"ListArg": ["foo", "bar"]}),
    ("Complex.1.Hi=hello&Complex.2.Hi=hola", {"Complex": [{"hi": "hello"}, {"hi": "hola"}]}),
    ("ListWithName.1=A&ListWithName.2=B", {"ListWithName": ["A", "B"]}),
    ("Nested.ListArg.1=A&Nested.ListArg.2=B", {"Nested": {"ListArg": ["A", "B"]}}),
]


@pytest.mark.parametrize(
    ("form", "text", "params"),
    [
        *[(form, *case) for form in FORMS for case in BOTH],
        *[("query", *case) for case in QUERY],
        *[("ec2", *case) for case in EC2],
    ],
)
def test_requests(form, text, params):
    assert read(form, text) == params


@pytest.mark.parametrize("form", FORMS)
def test_operations_without_input(form):
    assert read(form, "", "Nothing") == {}


@pytest.mark.parametrize(
    ("result", "inner"),
    [
        ({}, ""),
        ({"Foo": "", "Baz": True, "Bam": 3, "Boo": 6.5}, "<Foo></Foo><Baz>true</Baz><Bam>3</Bam><Boo>6.5</Boo>"),
        ({"Qux": b"value"}, "<Qux>dmFsdWU=</Qux>"),
        ({"normalFormat": EVENING}, "<normalFormat>2014-04-29T18:30:38Z</normalFormat>"),
        (
            {"epochMember": EVENING, "epochTarget": EVENING},
            "<epochMember>1398796238</epochMember><epochTarget>1398796238</epochTarget>",
        ),
        ({"httpDate": EVENING}, f"<httpDate>{GMT}</httpDate>"),
        ({"ListArg": ["foo", "bar"]}, "<ListArg><member>foo</member><member>bar</member></ListArg>"),
        (
            {"FlattenedListArg": ["hi", "bye"]},
            "<FlattenedListArg>hi</FlattenedListArg><FlattenedListArg>bye</FlattenedListArg>",
        ),
        (
            {"FlattenedListArg": ["a"], "Both": {"FlattenedListArg": ["b"]}},
            "<FlattenedListArg>a</FlattenedListArg><Both><FlattenedListArg><member>b</member></FlattenedListArg></Both>",
        ),
        ({"ListWithName": ["foo"]}, "<ListWithName><item>foo</item></ListWithName>"),
        ({"Nestings": [["foo"], []]}, "<Nestings><member><member>foo</member></member><member/></Nestings>"),
        (
            {"ComplexMap": {"foo": {"hi": "there"}}},
            "<ComplexMap><entry><key>foo</key><value><hi>there</hi></value></entry></ComplexMap>",
        ),
        ({"MapWithNames": {"a": "A"}}, "<MapWithNames><entry><K>a</K><V>A</V></entry></MapWithNames>"),
        (
            {"FlattenedMap": {"a": "A", "b": "B"}},
            "<FlattenedMap><key>a</key><value>A</value></FlattenedMap><FlattenedMap><key>b</key><value>B</value></FlattenedMap>",
        ),
        ({"FlattenedNames": {"a": "A"}}, "<Hi><K>a</K><V>A</V></Hi>"),
        (
            {"Nested": {"StringArg": "Foo1", "RecursiveArg": {"RecursiveArg": {"StringArg": "Bar"}}}},
            "<Nested><StringArg>Foo1</StringArg><RecursiveArg><RecursiveArg><StringArg>Bar</StringArg></RecursiveArg></RecursiveArg></Nested>",
        ),
    ],
)
def test_answers_in_the_query_form(result, inner):
    assert written("query", result) == (
        f'<DoResponse xmlns="https://example.com/"><DoResult>{inner}</DoResult>'
        "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>"
    )


@pytest.mark.parametrize(
    ("result", "inner"),
    [
        ({}, ""),
        ({"normalFormat": EVENING}, "<normalFormat>2014-04-29T18:30:38.000Z</normalFormat>"),
        ({"ListArg": ["foo"]}, "<ListArg><item>foo</item></ListArg>"),
        ({"HasBoth": "x", "UsesXmlName": "y"}, "<ignoreMe>x</ignoreMe><c>y</c>"),
    ],
)
def test_answers_in_the_ec2_form(result, inner):
    assert written("ec2", result).endswith(
        f'<DoResponse xmlns="https://example.com/"><requestId>id</requestId>{inner}</DoResponse>'
    )


def test_answers_without_output():
    assert written("query", {}, "Nothing") == (
        '<NothingResponse xmlns="https://example.com/"><ResponseMetadata><RequestId>id</RequestId>'
        "</ResponseMetadata></NothingResponse>"
    )
    assert "<requestId>id</requestId><return>true</return>" in written("ec2", {}, "Nothing")


def test_errors():
    told = FORMS["query"].refuse(AWSError("Customized", "Hi", 402), "foo-id")
    assert (told.status, told.headers["Content-Type"]) == (402, "text/xml")
    assert told.body.decode() == (
        '<ErrorResponse xmlns="https://example.com/"><Error><Type>Sender</Type><Code>Customized</Code>'
        "<Message>Hi</Message></Error><RequestId>foo-id</RequestId></ErrorResponse>"
    )
    assert (
        "<Response><Errors><Error><Code>InvalidGreeting</Code><Message>Hi</Message></Error></Errors>"
        "<RequestID>foo-id</RequestID></Response>"
    ) in FORMS["ec2"].refuse(AWSError("InvalidGreeting", "Hi"), "foo-id").body.decode()
