"""The documents in which each service tells its refusals: what has another face was said by something in between. Pure.

A proxy, a load balancer or a firewall in front of a service answers with the same numbers, and knows nothing of what is
behind it: its 404 is no word about a server, and its 403 none about a role.

Source: ``nova/api/openstack/wsgi.py`` (Fault), ``keystone/exception.py``, ``neutron/api/api_common.py``,
``cinder/api/openstack/wsgi.py`` (Nova's very document), ``webob/exc.py`` (Glance), WSME and Pecan (Octavia),
``zaqar/transport/wsgi/errors.py``, ``gnocchi/rest/api.py``,
``barbican/api/hooks.py``, keystonemiddleware's ``auth_token`` (401 of every service).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

COMPUTE: Final = "compute"
NETWORK: Final = "network"
IMAGE: Final = "image"
IDENTITY: Final = "identity"
VOLUME: Final = "block-storage"
BALANCING: Final = "load-balancer"
MESSAGING: Final = "message"
METRIC: Final = "metric"
KEYS: Final = "key-manager"

_NOVA_KINDS: Final = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
_NOVA_OTHERS: Final = "computeFault"
_UNAUTHORIZED: Final = 401
_SHOWN: Final = 1000
_NO_DOCUMENT: Final = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """A service's own refusal.

    Attributes:
        kind: its type, where the service tells one; else empty.
        message: its own words.
    """

    kind: str
    message: str


class NoDocument(ValueError):
    """The body is none that a service writes."""


def document_of(response: requests.Response) -> Mapping[str, Any] | None:
    """The body of an answer, None where there is none.

    Raises:
        NoDocument: it is no JSON object.
    """
    found = _parsed(response)
    if found is None or isinstance(found, dict):
        return found
    raise NoDocument(words_of(response))


def fault_of(service: str, response: requests.Response) -> Fault | None:
    """The refusal in a service's own document; None where the answer is not the service's."""
    document, status = _parsed(response), response.status_code
    if isinstance(document, dict):
        if status == _UNAUTHORIZED and (found := _keystone(document, status)):
            return found  # of the piece of Keystone that stands before every service
        read = _READERS.get(service)
        if read and (found := read(document, status)):
            return found
    if status == _UNAUTHORIZED and response.headers.get("WWW-Authenticate", "").startswith("Keystone"):
        return Fault("", words_of(response))
    return None


def words_of(response: requests.Response) -> str:
    """An answer in words for the log, whoever wrote it: its text without marks, at most a thousand letters."""
    text = re.sub(r"<[^>]*>|\s+", " ", response.text[: 10 * _SHOWN])
    return " ".join(text.split())[:_SHOWN] or (response.reason or "")


def _parsed(response: requests.Response) -> Any:
    if not response.content:
        return None
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return _NO_DOCUMENT


def _nova(document: Mapping[str, Any], status: int) -> Fault | None:
    kind = _NOVA_KINDS.get(status, _NOVA_OTHERS)
    fault = document.get(kind)
    return _said(kind, fault.get("message")) if isinstance(fault, dict) and fault.get("code") == status else None


def _neutron(document: Mapping[str, Any], _status: int) -> Fault | None:
    fault = document.get("NeutronError")
    if not isinstance(fault, dict) or not isinstance(fault.get("type"), str):
        return None
    return _said(fault["type"], fault.get("message"))


def _keystone(document: Mapping[str, Any], status: int) -> Fault | None:
    fault = document.get("error")
    if not isinstance(fault, dict) or fault.get("code") != status or "title" not in fault:
        return None
    return _said("", fault.get("message"))


def _glance(document: Mapping[str, Any], status: int) -> Fault | None:
    told = str(document.get("code")).startswith(str(status)) and "title" in document
    return _said("", document.get("message")) if told else None


def _octavia(document: Mapping[str, Any], status: int) -> Fault | None:
    if "faultcode" in document:
        return _said("", document.get("faultstring"))
    return _said("", document.get("description")) if document.get("code") == status else None


def _zaqar(document: Mapping[str, Any], _status: int) -> Fault | None:
    told = set(document) == {"title", "description"} and isinstance(document["title"], str)
    return _said("", document["description"]) if told else None


def _gnocchi(document: Mapping[str, Any], status: int) -> Fault | None:
    """Its description is a text, or says cause, reason and detail."""
    if document.get("code") != status or "title" not in document:
        return None
    told = document.get("description")
    return _said("", told if isinstance(told, str) else json.dumps(told))


_PAYLOAD: Final = re.compile(r"[A-Za-z0-9+/=]{65,}")


def _barbican(document: Mapping[str, Any], status: int) -> Fault | None:
    """What it finds wrong of a document it may repeat, the secret among it: that is told to nobody."""
    told = document.get("description")
    if document.get("code") != status or "title" not in document or not isinstance(told, str):
        return None
    return _said("", _PAYLOAD.sub("...", told))


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], int], Fault | None]]] = {
    COMPUTE: _nova,
    NETWORK: _neutron,
    IDENTITY: _keystone,
    IMAGE: _glance,
    BALANCING: _octavia,
    VOLUME: _nova,
    MESSAGING: _zaqar,
    METRIC: _gnocchi,
    KEYS: _barbican,
}


def _said(kind: str, message: object) -> Fault | None:
    if not isinstance(message, str):
        return None
    text = re.sub(r"(<br />|\s)+", " ", message).strip()  # Glance's come with breaks for a page
    return Fault(kind, text[:_SHOWN])
