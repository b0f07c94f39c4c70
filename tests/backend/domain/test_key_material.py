from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization

from backend.domain import key_material as keys


def test_an_rsa_key_has_the_sha1_of_the_private_key_when_made_and_md5_when_imported():
    made = keys.generate("rsa")
    assert made.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert len(made.fingerprint.split(":")) == 20
    imported = keys.parse(made.public_key + " a comment\n")
    assert len(imported.fingerprint.split(":")) == 16
    assert (imported.kind, imported.public_key, imported.private_key) == ("rsa", made.public_key, "")


def test_an_rsa_key_is_taken_as_base64_of_der_too():
    made = keys.generate("rsa")
    key = serialization.load_ssh_public_key(made.public_key.encode())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    parsed = keys.parse(base64.encodebytes(der).decode())
    assert parsed == keys.parse(made.public_key)


def test_an_ed25519_key_has_one_fingerprint():
    made = keys.generate("ed25519")
    assert keys.parse(made.public_key).fingerprint == made.fingerprint


# The fingerprint is what `ssh-keygen -l` prints for this public key, with the padding that EC2 keeps.
def test_the_fingerprint_of_a_known_key():
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    assert keys.parse(public).fingerprint == "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU="


@pytest.mark.parametrize("text", ["", "ssh-rsa", "ssh-rsa AAAA", "not a key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        keys.parse(text)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no key type"):
        keys.generate("dsa")
