"""Key material of key pairs, with the fingerprints that EC2 tells. Pure, but for the chance that new keys are made of.

Source: EC2 User Guide, "Verify the fingerprint of your key pair": SHA-1 of the private key (PKCS#8, DER) for RSA keys
it made, MD5 of the public key (DER) for RSA keys it imported, SHA-256 of the OpenSSH key for ED25519.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_RSA_BITS: Final = range(512, 16385)
_RSA_OID: Final = bytes.fromhex("06092a864886f70d0101010500")
"""The algorithm of a public key in DER: rsaEncryption without parameters."""


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
    """An imported public key: an OpenSSH line, or the base64 text of a DER SubjectPublicKeyInfo of an RSA key.

    Raises:
        ValueError: it is neither, or no RSA or ED25519 key.
    """
    text = public_key.strip()
    if text.startswith("ssh-rsa "):
        return _small_or_not(text)
    try:
        key = serialization.load_ssh_public_key(text.encode()) if " " in text else _rsa(text)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    text = _openssh(key) if isinstance(key, (rsa.RSAPublicKey, ed25519.Ed25519PublicKey)) else ""
    if isinstance(key, rsa.RSAPublicKey):
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Key("rsa", text, hashlib.md5(der, usedforsecurity=False).digest().hex(":"))
    if isinstance(key, ed25519.Ed25519PublicKey):
        return Key("ed25519", text, _sha256(text))
    raise ValueError("neither an RSA nor an ED25519 key")


def _small_or_not(line: str) -> Key:
    """An RSA key of an OpenSSH line, read by hand: EC2 takes keys that are too small for the library."""
    blob = base64.b64decode(line.split()[1], validate=True)
    parts, at = [], 0
    while at < len(blob):
        length = int.from_bytes(blob[at : at + 4], "big")
        parts.append(blob[at + 4 : at + 4 + length])
        at += 4 + length
    if at != len(blob) or len(parts) != 3 or parts[0] != b"ssh-rsa":
        raise ValueError("no RSA key")
    exponent, modulus = (int.from_bytes(part, "big") for part in parts[1:])
    if modulus.bit_length() not in _RSA_BITS or not 1 < exponent < modulus or parts[2][0] & 0x80:
        raise ValueError("no RSA key of a size that is taken")
    key = _der(0x30, _integer(modulus) + _integer(exponent))
    der = _der(0x30, _der(0x30, _RSA_OID) + _der(0x03, b"\0" + key))
    public = f"ssh-rsa {base64.b64encode(blob).decode()}"
    return Key("rsa", public, hashlib.md5(der, usedforsecurity=False).digest().hex(":"))


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    """Source: ITU-T X.690, 8.1."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def _rsa(text: str) -> rsa.RSAPublicKey:
    found = serialization.load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    if not isinstance(found, rsa.RSAPublicKey):
        raise ValueError("no RSA key")  # noqa: TRY004 - of what the text holds, not of its type
    return found


def _openssh(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _sha256(openssh: str) -> str:
    blob = base64.b64decode(openssh.split()[1])
    return base64.b64encode(hashlib.sha256(blob).digest()).decode()
