"""Key pairs made, imported and deleted.

Source of the words that are not marked: radkawar/stackd testdata/aws/ec2/key_pairs*.json (conformance/recorded).
"""

from __future__ import annotations

from typing import Any, Final

from backend.drivers.compute import KeyPair
from translators.ec2 import actions, tag_words
from translators.ec2.key_pairs import key_id
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_TAGGABLE: Final = frozenset({"key-pair"})
_KINDS: Final = frozenset({"rsa", "ed25519"})
_LONGEST: Final = 255


@operation("ec2", "CreateKeyPair")
def create(call: Call) -> Result:
    name, tags = _name(call), _tags(call)
    kind, form = call.params.get("KeyType") or "rsa", call.params.get("KeyFormat") or "pem"
    if kind not in _KINDS:
        raise _refused(f"Value ({kind[:64]}) for parameter KeyType is invalid. Valid values are rsa and ed25519.")
    if form != "pem":
        raise _refused(f"Value ({form[:64]}) for parameter KeyFormat is invalid. Only pem is supported.")
    actions.check_dry_run(call)
    made, private_key = call.backend.key_pairs.create(call.scope, name, kind)
    return {**_made(call, made, tags), "KeyMaterial": private_key}


@operation("ec2", "ImportKeyPair")
def import_(call: Call) -> Result:
    name, tags = _name(call), _tags(call)
    material: bytes = call.params.get("PublicKeyMaterial") or b""
    if not material:
        raise AWSError("MissingParameter", "The request must contain the parameter PublicKeyMaterial")
    if not material.isascii():
        raise _refused(
            "Value for parameter PublicKeyMaterial is invalid. Character sets beyond ASCII are not supported."
        )
    actions.check_dry_run(call)
    return _made(call, call.backend.key_pairs.import_(call.scope, name, material.decode("ascii")), tags)


@operation("ec2", "DeleteKeyPair")
def delete(call: Call) -> Result:
    """What does not exist is deleted, too."""
    name, pair_id = call.params.get("KeyName"), call.params.get("KeyPairId")
    if not name and not pair_id:
        raise AWSError("MissingParameter", "The request must contain the parameter KeyName or KeyPairId")  # unsourced
    if name and pair_id:
        raise AWSError(  # unsourced
            "InvalidParameterCombination", "The parameter KeyName cannot be used with the parameter KeyPairId"
        )
    if pair_id:
        actions.check_forms(actions.KEY_PAIR, [pair_id])
    actions.check_dry_run(call)
    for pair in call.backend.catalog.key_pairs(call.scope):
        if pair.name == name or key_id(pair) == pair_id:
            call.backend.key_pairs.delete(call.scope, pair.name)
            call.backend.resource_tags.remove(call.scope, [key_id(pair)], None)
            return {"Return": True, "KeyPairId": key_id(pair)}
    return {"Return": True}


def _made(call: Call, pair: KeyPair, tags: dict[str, str]) -> dict[str, Any]:
    call.backend.resource_tags.put(call.scope, [key_id(pair)], tags)
    told = {"KeyPairId": key_id(pair), "KeyName": pair.name, "KeyFingerprint": pair.fingerprint}
    return {**told, **tag_words.member(tags)}


def _tags(call: Call) -> dict[str, str]:
    return tag_words.specified(call.params.get("TagSpecifications"), _TAGGABLE).get("key-pair", {})


def _name(call: Call) -> str:
    name: str = call.params.get("KeyName") or ""
    if not name.strip():
        raise AWSError("MissingParameter", "The request must contain the parameter KeyName")  # unsourced
    if not name.isascii() or not name.isprintable():  # unsourced
        raise _refused(
            f"Value ({name[:64]}) for parameter keyName is invalid. Character sets beyond ASCII are not supported."
        )
    if len(name) > _LONGEST or name != name.strip():  # unsourced
        raise _refused(
            f"Value ({name[:64]}) for parameter keyName is invalid. It is up to {_LONGEST} characters long, without "
            "blanks around it."
        )
    return name


def _refused(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)
