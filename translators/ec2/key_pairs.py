"""Key pairs."""

from __future__ import annotations

import re
from typing import Any, Final

from backend.drivers.compute import KeyPair
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.registry import Call, Result

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def key_id(pair: KeyPair) -> str:
    """A key pair's id: clouds that number their keys, or know them by name only, give none to derive it from."""
    if _UUID.fullmatch(pair.id):
        return arns.resource_id(arns.KEY_PAIR, pair.id)
    return arns.derived_id(arns.KEY_PAIR, pair.name)


@actions.answers("DescribeKeyPairs")
def describe(call: Call) -> Result:
    params = call.params
    names = params.get("KeyNames") or ()
    # Source: radkawar/stackd testdata/aws/ec2/key_pairs.json; of names with ids it has the code alone.
    if "" in names:
        raise AWSError("InvalidParameterValue", "Invalid value '' for keyPairNames. It should not be blank")
    if names and params.get("KeyPairIds"):
        raise AWSError(
            "InvalidParameterCombination", "Key names and key pair IDs cannot be given together."
        )  # unsourced
    if params.get("KeyPairIds"):
        pairs = actions.listed(call, call.backend.catalog.key_pairs, params["KeyPairIds"], key_id)
    else:
        pairs = actions.listed(call, call.backend.catalog.key_pairs, names, lambda pair: pair.name)
    pairs = sorted(pairs, key=lambda pair: pair.name)
    known = {pair.name for pair in pairs}
    if missing := [name for name in names if name not in known]:
        words = "The key pair '{}' does not exist" if len(missing) == 1 else "The key pairs '{}' do not exist"
        raise AWSError("InvalidKeyPair.NotFound", words.format(", ".join(missing)))
    chosen = actions.named(actions.KEY_PAIR, params.get("KeyPairIds"), pairs, key_id)
    if names:
        chosen = [pair for pair in chosen if pair.name in names]
    tagged = call.backend.resource_tags.all(call.scope)
    fields: filters.Fields[KeyPair] = {
        "fingerprint": lambda pair: pair.fingerprint,
        "key-name": lambda pair: pair.name,
        "key-pair-id": key_id,
    }
    found = filters.matching(chosen, params.get("Filters") or (), fields, lambda pair: tagged.get(key_id(pair), {}))
    return {"KeyPairs": [_shown(call, pair, tagged.get(key_id(pair), {})) for pair in found]}


def _shown(call: Call, pair: KeyPair, tags: Any) -> dict[str, Any]:
    told = {
        "KeyPairId": key_id(pair),
        "KeyName": pair.name,
        "KeyType": "ed25519" if "ed25519" in pair.type or "ed25519" in (pair.public_key or "") else "rsa",
        "KeyFingerprint": pair.fingerprint,
        "CreateTime": pair.created_at,
        "Tags": tag_words.shown(tags),
    }
    if call.params.get("IncludePublicKey") and pair.public_key:
        told["PublicKey"] = pair.public_key
    return told
