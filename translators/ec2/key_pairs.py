"""Key pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from backend.drivers.compute import KeyPair
from translators import arns
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.filters import Filters
from translators.nouns import Asked, Members, Noun
from translators.registry import Call

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def key_id(pair: KeyPair) -> str:
    """A key pair's id: clouds that number their keys, or know them by name only, give none to derive it from."""
    if pair.kept:
        return f"{arns.KEY_PAIR}-{pair.id}"
    if _UUID.fullmatch(pair.id):
        return arns.resource_id(arns.KEY_PAIR, pair.id)
    return arns.derived_id(arns.KEY_PAIR, pair.name)


@dataclass(frozen=True, slots=True)
class _Pair:
    pair: KeyPair
    with_public_key: bool


def _pairs(call: Call, asked: Asked) -> Iterable[_Pair]:
    with_public_key = bool(call.params.get("IncludePublicKey"))
    return (_Pair(each, with_public_key) for each in call.backend.catalog.key_pairs(call.scope, fresh=asked.fresh))


def _check(call: Call) -> None:
    names = call.params.get("KeyNames") or ()
    # Source: radkawar/stackd testdata/aws/ec2/key_pairs.json; of names with ids it has the code alone.
    if "" in names:
        raise AWSError("InvalidParameterValue", "Invalid value '' for keyPairNames. It should not be blank")
    if names and call.params.get("KeyPairIds"):
        raise AWSError(
            "InvalidParameterCombination", "Key names and key pair IDs cannot be given together."
        )  # unsourced


def _type(pair: KeyPair) -> str:
    return "ed25519" if "ed25519" in pair.type or "ed25519" in (pair.public_key or "") else "rsa"


def _line(pair: KeyPair) -> str | None:
    """The public key as OpenSSH writes it; EC2 puts the key's name in the place of a comment."""
    return f"{pair.public_key} {pair.name}" if pair.kept else pair.public_key or None


_MEMBERS: Final[Members[_Pair]] = {
    "KeyPairId": lambda each: key_id(each.pair),
    "KeyName": lambda each: each.pair.name,
    "KeyType": lambda each: _type(each.pair),
    "KeyFingerprint": lambda each: each.pair.fingerprint,
    "CreateTime": lambda each: each.pair.created_at,
    "PublicKey": lambda each: _line(each.pair) if each.with_public_key else None,
}
_FILTERS: Final[Filters[_Pair]] = {
    "fingerprint": "KeyFingerprint",
    "key-name": "KeyName",
    "key-pair-id": "KeyPairId",
}
PAIRS: Final = Noun(
    answer="KeyPairs",
    items=_pairs,
    members=_MEMBERS,
    order=lambda each: each.pair.name,
    filters=_FILTERS,
    namings=(
        actions.by_ids("KeyPairIds", actions.KEY_PAIR, lambda each: key_id(each.pair)),
        actions.by_names(
            "KeyNames",
            lambda each: each.pair.name,
            "InvalidKeyPair.NotFound",
            "The key pair '{}' does not exist",
            "The key pairs '{}' do not exist",
        ),
    ),
    tagging=tag_words.kept(lambda each: key_id(each.pair), told=tag_words.whole),
    aging=True,
    check=_check,
)

actions.describes("DescribeKeyPairs", PAIRS)
