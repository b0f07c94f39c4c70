"""A shape that cannot be compiled is told each time it is asked for, and leaves nothing half made."""

import re
from functools import partial

import pytest
from botocore.model import ServiceModel

from gateway.protocol.reading import Naming, Readers
from gateway.protocol.scalars import milliseconds_when_any
from gateway.protocol.typed import TypedReaders, TypedWriters
from gateway.protocol.writing import Writers
from gateway.validation import Validators, lower_first

SHAPES = {
    "Outer": {"type": "structure", "members": {"Inner": {"shape": "Inner"}, "Bad": {"shape": "Bad"}}},
    "Inner": {"type": "structure", "members": {"Outer": {"shape": "Outer"}, "Outers": {"shape": "Outers"}}},
    "Outers": {"type": "list", "member": {"shape": "Outer"}},
    "Bad": {"type": "mystery"},
    "Odd": {"type": "structure", "members": {"Inner": {"shape": "Odder"}, "Bad": {"shape": "BadPattern"}}},
    "Odder": {"type": "structure", "members": {"Outer": {"shape": "Odd"}}},
    "BadPattern": {"type": "string", "pattern": "("},
}
MODEL = ServiceModel({"metadata": {}, "operations": {}, "shapes": SHAPES})


def scalar(shape):
    return {"string": str}[shape.type_name]


COMPILERS = {
    "readers of text": lambda: (
        Readers(Naming(lambda _member, name: name, wrapped=True, first_index=1, strict=False)).of
    ),
    "writers of text": lambda: partial(Writers(milliseconds_when_any).of, tag="tag"),
    "readers of values": lambda: TypedReaders(scalar).of,
    "writers of values": lambda: TypedWriters(scalar).of,
}


@pytest.mark.parametrize("kind", COMPILERS)
def test_what_cannot_be_compiled_is_told_each_time(kind):
    of = COMPILERS[kind]()
    for _ in range(3):
        with pytest.raises(KeyError, match="mystery"):
            of(MODEL.shape_for("Outer"))


def test_a_check_that_cannot_be_compiled_is_told_each_time():
    validators = Validators("x", lower_first, ".member")
    for _ in range(3):
        with pytest.raises(re.error):
            validators.of(MODEL.shape_for("Odd"))


@pytest.mark.parametrize("typed", [TypedReaders, TypedWriters])
def test_what_was_made_beside_it_works_once_it_can_be_compiled(typed):
    known = {}
    of = typed(lambda shape: known[shape.type_name]).of
    with pytest.raises(KeyError, match="mystery"):
        of(MODEL.shape_for("Outer"))
    known["mystery"] = str.upper
    assert of(MODEL.shape_for("Inner"))({"Outer": {"Bad": "x"}}) == {"Outer": {"Bad": "X"}}
