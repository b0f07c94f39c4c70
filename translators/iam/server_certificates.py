"""Server certificates: uploaded, told without their keys, renamed and deleted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from backend.domain.balancers import BalancerKind
from backend.domain.identities import CertificateInUse, ServerCertificate
from backend.services.server_certificates import KeysNotKept, NewCertificate
from translators import arns
from translators.elbv2.ids import WORDS
from translators.errors import AWSError
from translators.iam import listing
from translators.iam.words import path_of
from translators.registry import Call, Result, operation

_LONGEST_CHAIN: Final = 64 * 1024
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_PLAIN: Final = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_BLOCK: Final = re.compile("-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[A-Za-z0-9+/=\\s]*-----END \\1-----")
_OF_A_KEY: Final = re.compile("-----|PRIVATE +KEY|[A-Za-z0-9+/]{56}", re.IGNORECASE)
"""What words beside a certificate do not have: another block's first or last line, damaged or not, or its inside."""


def malformed(words: str) -> AWSError:
    return AWSError("MalformedCertificate", words)


@operation("iam", "UploadServerCertificate")
def upload(call: Call) -> Result:
    params = call.params
    body, chain, key = params["CertificateBody"], params.get("CertificateChain"), params["PrivateKey"]
    begins_at, expires_at = _checked(body, chain, key)
    wanted = NewCertificate(
        name=params["ServerCertificateName"],
        path=path_of(call),
        body=body,
        chain=chain,
        private_key=key,
        begins_at=begins_at,
        expires_at=expires_at,
        tags=listing.tags_of(call),
    )
    try:
        made = call.backend.server_certificates.upload(call.scope, wanted)
    except KeysNotKept as found:
        raise AWSError("AccessDenied", f"Coppice cannot keep private keys here: {found.detail}.", 403) from None
    told: dict[str, Any] = {"ServerCertificateMetadata": _metadata(call, made)}
    return {**told, "Tags": listing.tags_told(made.tags)} if made.tags else told


def _checked(body: str, chain: str | None, key: str) -> tuple[datetime, datetime]:
    """When a certificate begins and ends.

    Raises:
        AWSError: a text is no PEM of what it should be, or the key is another's.

    Source: IAM User Guide, "Troubleshoot IAM server certificates" and moto (the words).
    """
    try:
        (certificate,) = _certificates(body)
        certified = certificate.public_key().public_bytes(*_PLAIN)
    except (ValueError, UnsupportedAlgorithm):  # none, or several: those that signed it are the chain
        raise malformed("Unable to parse certificate. Please ensure the certificate is in PEM format.") from None
    if chain:
        if len(chain) > _LONGEST_CHAIN:
            raise malformed("The certificate chain is too long.")  # unsourced
        try:
            links = [certificate, *_certificates(chain)]
            for signed, signing in pairwise(links):
                signed.verify_directly_issued_by(signing)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise malformed(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing"
                " certificate, followed by any intermediaries in order."
            ) from None
    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise malformed("Unable to parse key; the body is encrypted.") from None
    if not isinstance(private, rsa.RSAPrivateKey) and not (
        isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, _CURVES)
    ):
        # unsourced; what no client could speak with would be found out by a balancer that comes up for nobody
        raise malformed("The private key is neither one of RSA nor one of ECDSA over P-256, P-384 or P-521.")
    if private.public_key().public_bytes(*_PLAIN) != certified:
        raise AWSError("KeyPairMismatch", "Certificate and private key do not match.")
    return certificate.not_valid_before_utc.astimezone(UTC), certificate.not_valid_after_utc.astimezone(UTC)


def _certificates(text: str) -> list[x509.Certificate]:
    """Raises ValueError where there is none, or anything else: a key would lie in the clear, and be told to readers."""
    if _OF_A_KEY.search(_BLOCK.sub("", text)):
        raise ValueError
    return x509.load_pem_x509_certificates(text.encode())


def _metadata(call: Call, certificate: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": arns.iam(call.account_id, "server-certificate", certificate.path, certificate.name),
        "UploadDate": certificate.uploaded_at,
        "Expiration": certificate.expires_at,
    }


@operation("iam", "GetServerCertificate")
def get(call: Call) -> Result:
    found = call.backend.server_certificates.find(call.scope, call.params["ServerCertificateName"])
    told = {
        "ServerCertificateMetadata": _metadata(call, found),
        # Terraform compares with what its user gave, less the blanks around it.
        "CertificateBody": found.body.strip(),
        **({"CertificateChain": found.chain.strip()} if found.chain else {}),
        **({"Tags": listing.tags_told(found.tags)} if found.tags else {}),
    }
    return {"ServerCertificate": told}


@operation("iam", "ListServerCertificates")
def list_certificates(call: Call) -> Result:
    prefix = call.params.get("PathPrefix")
    kept = call.backend.server_certificates.list(call.scope)
    told = [_metadata(call, each) for each in kept if listing.within(prefix, each.path)]
    return listing.page(call, "ServerCertificateMetadataList", told, lambda each: str(each["ServerCertificateName"]))


@operation("iam", "UpdateServerCertificate")
def update(call: Call) -> Result:
    params = call.params
    call.backend.server_certificates.rename(
        call.scope, params["ServerCertificateName"], params.get("NewServerCertificateName"), params.get("NewPath")
    )
    return {}


@operation("iam", "DeleteServerCertificate")
def delete(call: Call) -> Result:
    try:
        call.backend.server_certificates.delete(call.scope, call.params["ServerCertificateName"])
    except CertificateInUse as found:
        # Source: terraform#3412, aws-orbit-workbench#634.
        words = (
            f"Certificate: {found.certificate} is currently in use by {_arn_of(call, found)}. Please remove it first"
            " before deleting it from IAM."
        )
        raise AWSError("DeleteConflict", words, 409) from None
    return {}


def _arn_of(call: Call, found: CertificateInUse) -> str:
    """The balancer's ARN, in whichever region it is."""
    told = {there.region: name for name in (*call.regions, call.region) if (there := call.scope_in(name)) is not None}
    region = told.get(found.region, call.region)
    if found.balancer.kind is BalancerKind.CLASSIC:
        return arns.classic_load_balancer(region, call.account_id, found.balancer.name)
    return arns.load_balancer(
        region, call.account_id, WORDS[found.balancer.kind], found.balancer.id, found.balancer.name
    )


@operation("iam", "TagServerCertificate")
def tag(call: Call) -> Result:
    call.backend.server_certificates.retag(call.scope, call.params["ServerCertificateName"], listing.tags_of(call))
    return {}


@operation("iam", "UntagServerCertificate")
def untag(call: Call) -> Result:
    name = call.params["ServerCertificateName"]
    call.backend.server_certificates.retag(call.scope, name, {}, call.params["TagKeys"])
    return {}


@operation("iam", "ListServerCertificateTags")
def list_tags(call: Call) -> Result:
    found = call.backend.server_certificates.find(call.scope, call.params["ServerCertificateName"])
    return listing.whole(call, "Tags", listing.tags_told(found.tags))
