"""Providers of OpenID Connect, as records: nobody exchanges their tokens here (AssumeRoleWithWebIdentity)."""

from __future__ import annotations

import re
from typing import Final

from backend.domain.identities import IdentityMissing
from translators import arns
from translators.iam import listing
from translators.iam.errors import invalid, missing
from translators.registry import Call, Result, operation

_URL: Final = re.compile(r"https://([A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/%-]*)?)")
_THUMBPRINT: Final = re.compile(r"[0-9A-Fa-f]{40}")
_MOST_THUMBPRINTS: Final = 5


def _arn(call: Call, url: str) -> str:
    return arns.iam(call.account_id, "oidc-provider", "/", url)


def _url(call: Call) -> str:
    """The URL of the provider that an ARN means. Raises AWSError."""
    arn = call.params["OpenIDConnectProviderArn"]
    head = _arn(call, "")
    if not arn.startswith(head):
        raise missing(f"OpenIDConnect Provider not found for arn {arn}")
    return str(arn.removeprefix(head))


def _named(call: Call) -> str:
    """The URL of a provider that there is, told by its ARN where there is none."""
    url = _url(call)
    try:
        call.backend.identity_providers.find(call.scope, url)
    except IdentityMissing:
        raise missing(f"OpenIDConnect Provider not found for arn {_arn(call, url)}") from None
    return url


def _thumbprints(call: Call) -> list[str]:
    given: list[str] = call.params.get("ThumbprintList") or []
    if len(given) > _MOST_THUMBPRINTS:
        raise invalid("Thumbprint list must contain fewer than 5 entries.")  # unsourced
    if not all(map(_THUMBPRINT.fullmatch, given)):
        raise invalid("Thumbprint must be 40 hexadecimal characters.")  # unsourced
    return given


@operation("iam", "CreateOpenIDConnectProvider")
def create_provider(call: Call) -> Result:
    found = _URL.fullmatch(call.params["Url"])
    if found is None:
        raise invalid("Invalid Open ID Connect Provider URL")
    tags = listing.tags_of(call)
    clients = call.params.get("ClientIDList") or []
    made = call.backend.identity_providers.create(call.scope, found[1].rstrip("/"), clients, _thumbprints(call), tags)
    told = {"OpenIDConnectProviderArn": _arn(call, made.url)}
    return {**told, "Tags": listing.tags_told(tags)} if tags else told


@operation("iam", "GetOpenIDConnectProvider")
def get_provider(call: Call) -> Result:
    provider = call.backend.identity_providers.find(call.scope, _named(call))
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created_at,
        "Tags": listing.tags_told(provider.tags),
    }


@operation("iam", "ListOpenIDConnectProviders")
def list_providers(call: Call) -> Result:
    providers = call.backend.identity_providers.list(call.scope)
    return {"OpenIDConnectProviderList": [{"Arn": _arn(call, each.url)} for each in providers]}


@operation("iam", "DeleteOpenIDConnectProvider")
def delete_provider(call: Call) -> Result:
    call.backend.identity_providers.delete(call.scope, _url(call))
    return {}


@operation("iam", "AddClientIDToOpenIDConnectProvider")
def add_client(call: Call) -> Result:
    call.backend.identity_providers.add_client(call.scope, _named(call), call.params["ClientID"])
    return {}


@operation("iam", "RemoveClientIDFromOpenIDConnectProvider")
def remove_client(call: Call) -> Result:
    call.backend.identity_providers.remove_client(call.scope, _named(call), call.params["ClientID"])
    return {}


@operation("iam", "UpdateOpenIDConnectProviderThumbprint")
def update_thumbprint(call: Call) -> Result:
    call.backend.identity_providers.change_thumbprints(call.scope, _named(call), _thumbprints(call))
    return {}


@operation("iam", "TagOpenIDConnectProvider")
def tag_provider(call: Call) -> Result:
    call.backend.identity_providers.retag(call.scope, _named(call), listing.tags_of(call))
    return {}


@operation("iam", "UntagOpenIDConnectProvider")
def untag_provider(call: Call) -> Result:
    call.backend.identity_providers.retag(call.scope, _named(call), {}, call.params["TagKeys"])
    return {}


@operation("iam", "ListOpenIDConnectProviderTags")
def list_provider_tags(call: Call) -> Result:
    provider = call.backend.identity_providers.find(call.scope, _named(call))
    return listing.whole(call, "Tags", listing.tags_told(provider.tags))
