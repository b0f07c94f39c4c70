"""Values made from botocore's shapes, the same for the same seed; a full one has every member of every shape."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

_TEXTS = (
    "a",
    "web-1",
    "x y+z",
    "ü€😀",
    "<&>\"'",
    "a=b&c=d",
    "%41",
    "line\nfeed",
    "back\r\nline",
    " padded ",
    "]]>",
    "",
)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Samples:
    def __init__(self, seed: str, *, full: bool = False, empty_structures: bool = False):
        self._random = random.Random(seed)
        self._full = full
        self._empty_structures = empty_structures
        self._inside = Counter()

    def of(self, shape, depth: int = 0):
        self._inside[shape.name] += 1
        try:
            return getattr(self, f"_{shape.type_name}")(shape, depth)
        finally:
            self._inside[shape.name] -= 1

    def _again(self, shape):
        """Whether a shape that contains itself was met often enough."""
        return self._inside[shape.name] > 1

    def _structure(self, shape, depth):
        made = {}
        if shape.is_tagged_union:
            name = self._random.choice(list(shape.members))
            return {name: self.of(shape.members[name], depth + 1)}
        for name, member in shape.members.items():
            if self._again(member):
                continue
            if self._full or self._random.random() < 0.8 / (1 + depth / 4):
                value = self.of(member, depth + 1)
                if value != {} or (self._empty_structures and member.type_name == "structure"):
                    made[name] = value
        return made

    def _list(self, shape, depth):
        sizes = ((2,) if depth < 2 else (1,)) if self._full else (0, 1, 1, 2, 3) if depth < 4 else (0, 1)
        items = [self.of(shape.member, depth + 1) for _ in range(self._random.choice(sizes))]
        # An element without members cannot be told on the wire from no element.
        return [item for item in items if item != {} and item != []]

    def _map(self, shape, depth):
        pairs = (
            (self.of(shape.key, depth + 1), self.of(shape.value, depth + 1)) for _ in range(self._random.randint(1, 3))
        )
        return {key: value for key, value in pairs if value not in ({}, [])}

    def _string(self, shape, depth):
        if shape.enum:
            return self._random.choice(shape.enum)
        return self._random.choice(_TEXTS)

    def _integer(self, shape, depth):
        return self._random.choice((0, 1, -1, 2**31 - 1, -(2**31), self._random.randint(-1000, 1000)))

    def _long(self, shape, depth):
        return self._random.choice((0, 2**63 - 1, -(2**63)))

    def _double(self, shape, depth):
        return self._random.choice((0.0, 1.5, -2.25, 1e-7, 1e21, 0.1))

    _float = _double

    def _boolean(self, shape, depth):
        return self._random.random() < 0.5

    def _timestamp(self, shape, depth):
        return _EPOCH + timedelta(milliseconds=self._random.choice((0, 1, 1000, self._random.randint(0, 10**11))))

    def _blob(self, shape, depth):
        return self._random.randbytes(self._random.choice((0, 1, 17)))
