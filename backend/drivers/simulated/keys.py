"""Key material of key pairs, with the fingerprints that EC2 tells.

Source: EC2 User Guide, "Verify the fingerprint of your key pair": SHA-1 of the private key (PKCS#8, DER) for RSA keys
it made, MD5 of the public key (DER) for RSA keys it imported, SHA-256 of the OpenSSH key for ED25519.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@dataclass(frozen=True, slots=True)
class Key:
    """``kind`` is ``rsa`` or ``ed25519``; ``private_key`` is PEM, empty for an imported key."""

    kind: str
    public_key: str
    fingerprint: str
    private_key: str = ""


def generate(kind: str) -> Key:
    """A new key. Raises ValueError for a kind that EC2 does not know."""
    if kind == "ed25519":
        secret = ed25519.Ed25519PrivateKey.generate()
        pem = secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = _openssh(secret.public_key())
        return Key(kind, public, _sha256(public), pem.decode())
    if kind == "rsa":
        rsa_secret = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        der = rsa_secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        pem = rsa_secret.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        digest = hashlib.sha1(der, usedforsecurity=False).digest()
        return Key(kind, _openssh(rsa_secret.public_key()), digest.hex(":"), pem.decode())
    raise ValueError(f"no key type {kind}")


def parse(public_key: str) -> Key:
    """An imported OpenSSH public key. Raises ValueError when it is no RSA or ED25519 key."""
    try:
        key = serialization.load_ssh_public_key(public_key.strip().encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    text = _openssh(key) if isinstance(key, (rsa.RSAPublicKey, ed25519.Ed25519PublicKey)) else ""
    if isinstance(key, rsa.RSAPublicKey):
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Key("rsa", text, hashlib.md5(der, usedforsecurity=False).digest().hex(":"))
    if isinstance(key, ed25519.Ed25519PublicKey):
        return Key("ed25519", text, _sha256(text))
    raise ValueError("neither an RSA nor an ED25519 key")


def _openssh(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _sha256(openssh: str) -> str:
    blob = base64.b64decode(openssh.split()[1])
    return base64.b64encode(hashlib.sha256(blob).digest()).decode()
