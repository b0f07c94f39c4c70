"""Traits that none of the real models uses today: flattened lists and maps, named keys, other names on the wire."""

from urllib.parse import urlencode

import pytest
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from gateway.limits import Limits
from gateway.protocol.ec2 import EC2Protocol
from gateway.protocol.form import pairs, tree
from gateway.protocol.query import QueryProtocol

SHAPES = {
    "Everything": {
        "type": "structure",
        "members": {
            "Plain": {"shape": "Texts"},
            "Flat": {"shape": "FlatTexts"},
            "FlatNamed": {"shape": "FlatNamedTexts"},
            "Named": {"shape": "NamedTexts", "locationName": "named"},
            "Map": {"shape": "Map"},
            "FlatMap": {"shape": "FlatMap"},
            "NamedMap": {"shape": "NamedMap"},
            "Structures": {"shape": "FlatStructures"},
            "Other": {"shape": "Text", "locationName": "elsewhere"},
            "Number": {"shape": "Double"},
        },
    },
    "Text": {"type": "string"},
    "Double": {"type": "double"},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "FlatTexts": {"type": "list", "flattened": True, "member": {"shape": "Text"}},
    "FlatNamedTexts": {"type": "list", "flattened": True, "member": {"shape": "Text", "locationName": "Item"}},
    "NamedTexts": {"type": "list", "member": {"shape": "Text", "locationName": "Entry"}},
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Texts"}},
    "FlatMap": {"type": "map", "flattened": True, "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "NamedMap": {
        "type": "map",
        "key": {"shape": "Text", "locationName": "K"},
        "value": {"shape": "Text", "locationName": "V"},
    },
    "FlatStructures": {"type": "list", "flattened": True, "member": {"shape": "Pair"}},
    "Pair": {"type": "structure", "members": {"Left": {"shape": "Text"}, "Right": {"shape": "Texts"}}},
}
VALUE = {
    "Plain": ["a", "b"],
    "Flat": ["c", "d"],
    "FlatNamed": ["e", "f"],
    "Named": ["g"],
    "Map": {"k": ["v", "w"], "l": []},
    "FlatMap": {"x": "1", "y": "2"},
    "NamedMap": {"p": "q"},
    "Structures": [{"Left": "l", "Right": ["r"]}, {"Left": "m"}],
    "Other": "o",
    "Number": 0.1,
}
MAPS = {"Map", "FlatMap", "NamedMap"}


def operation(protocol):
    description = {
        "metadata": {
            "protocol": protocol,
            "apiVersion": "2020-01-01",
            "xmlNamespace": "http://x/",
            "endpointPrefix": "x",
            "serviceId": "x",
        },
        "operations": {
            "Do": {
                "name": "Do",
                "http": {"method": "POST", "requestUri": "/"},
                "input": {"shape": "Everything"},
                "output": {"shape": "Everything"},
            }
        },
        "shapes": SHAPES,
    }
    if protocol == "query":
        description["operations"]["Do"]["output"]["resultWrapper"] = "DoResult"
    model = ServiceModel(description, "x")
    return model.operation_model("Do"), (EC2Protocol if protocol == "ec2" else QueryProtocol)(model)


@pytest.mark.parametrize("protocol", ["query", "ec2"])
def test_requests(protocol):
    # The ec2 form has no maps and no other way to say an empty list than to leave it out.
    value = {name: item for name, item in VALUE.items() if protocol == "query" or name not in MAPS}
    model, wire = operation(protocol)
    body = create_serializer(protocol, include_validation=False).serialize_to_request(value, model)["body"]
    form = pairs(urlencode(body).encode(), Limits())
    del form["Action"], form["Version"]
    assert wire.reader(model)(tree(form, Limits())) == value


@pytest.mark.parametrize("protocol", ["query", "ec2"])
def test_answers(protocol):
    model, wire = operation(protocol)
    body = wire.answerer(model)(VALUE, "id").body
    parsed = create_parser(protocol).parse({"status_code": 200, "headers": {}, "body": body}, model.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "id"
    assert parsed == VALUE


def test_an_empty_flattened_list_writes_nothing():
    model, wire = operation("query")
    assert b"<DoResult></DoResult>" in wire.answerer(model)({"Flat": [], "FlatMap": {}}, "id").body
