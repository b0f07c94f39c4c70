"""Keys in Barbican or Vault, through castellan, which is loaded where a manager is named and need not be there else.

Castellan reads its own options (``[barbican]``, ``[vault]``) from the same file and environment as Coppice. Two things
that it leaves open are closed here: calls to Barbican have no end in time by themselves, and at the level of debug its
libraries write keys into the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from oslo_config import cfg

from backend.drivers.key_manager import KEY_BYTES, KeyManager, ManagerMisconfigured, no_key
from backend.drivers.optional import NoLibrary
from backend.errors import KeysUnreached

_LEVELS: Final = {"castellan": logging.CRITICAL, "barbicanclient": logging.WARNING, "keystoneauth": logging.INFO}
"""Of the libraries' own logs. What castellan tells at the level of error it raises as well, each time it is asked."""
_NAME: Final = "coppice"
_MOST_WORDS: Final = 300
_ALGORITHM: Final = "AES"
_MOST_NAME: Final = 32


@dataclass(frozen=True, slots=True)
class Login:
    """The service user, who asks Barbican.

    Attributes:
        user: keyword arguments of a password login, with the project.
        verify: as requests takes it: whether, or by which file.
    """

    user: Mapping[str, Any] = field(repr=False)
    region: str
    interface: str
    verify: bool | str = True


class CastellanKeys:
    """A key manager of castellan's.

    Args:
        manager: castellan's own.
        context: who asks.
        name: the manager's, in words for operators.
    """

    def __init__(self, manager: Any, context: Any, name: str) -> None:
        self._manager, self._context, self._name = manager, context, name

    def get(self, reference: str) -> bytes:
        found = self._asked(lambda: self._manager.get(self._context, reference), f"the key {reference}")
        why = _no_key(found)
        if why:
            raise no_key(self._name, reference, why)
        kept = found.get_encoded()
        return kept.encode() if isinstance(kept, str) else bytes(kept or b"")  # what was put there as text is text

    def put(self, secret: bytes) -> str:
        from castellan.common.objects.symmetric_key import SymmetricKey

        key = SymmetricKey(_ALGORITHM, KEY_BYTES * 8, secret, name=_NAME)
        return str(self._asked(lambda: self._manager.store(self._context, key), "a place for a key"))

    def _asked(self, ask: Callable[[], Any], what: str) -> Any:
        try:
            return ask()
        except Exception as error:
            if type(error).__name__ == "ManagedObjectNotFoundError":
                raise KeysUnreached(f"{self._name} has not {what}, or shows it to others alone") from error
            words = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_WORDS]
            raise KeysUnreached(f"{self._name} does not give {what}: {words}") from error


_OTHERS: Final = {"PrivateKey": "private key", "PublicKey": "public key", "X509": "certificate"}


def _no_key(found: Any) -> str:
    """Why an object of castellan's is no key of ours, by what is told of it; empty where it may be one."""
    from castellan.common.objects import opaque_data, passphrase, symmetric_key

    if isinstance(found, opaque_data.OpaqueData | passphrase.Passphrase):  # nothing is told of those
        return ""
    if not isinstance(found, symmetric_key.SymmetricKey):
        kind = type(found).__name__
        return f"it is a {_OTHERS.get(kind, kind)}"
    bits, algorithm = found.bit_length, " ".join(str(found.algorithm or _ALGORITHM).split())[:_MOST_NAME]
    if bits not in {None, KEY_BYTES * 8} or algorithm.upper() != _ALGORITHM:
        told = algorithm if algorithm.upper() != _ALGORITHM else f"{bits} bits"
        return f"it is a key of {told}, and not one of {_ALGORITHM} of {KEY_BYTES * 8} bits"
    return ""


def opened(kind: str, conf: cfg.ConfigOpts, seconds: float, login: Callable[[], Login]) -> KeyManager:
    """A manager; nothing is asked yet.

    Args:
        kind: ``barbican`` or ``vault``.
        conf: parsed; it takes castellan's options, too.
        seconds: for each request to it.
        login: who asks Barbican; raises whatever it raises.

    Raises:
        NoLibrary, ManagerMisconfigured
    """
    try:
        from castellan import key_manager, options
    except ImportError as error:
        raise NoLibrary(f"castellan is not installed, which [secrets] manager {kind} needs") from error
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
    options.set_defaults(conf, backend=kind)
    context = None
    try:
        if kind == "barbican":
            who = login()
            conf.set_default("barbican_region_name", who.region, "barbican")
            conf.set_default("barbican_endpoint_type", who.interface, "barbican")
            conf.set_default("verify_ssl", who.verify is not False, "barbican")
            conf.set_default("verify_ssl_path", who.verify if isinstance(who.verify, str) else None, "barbican")
            context = _context(who, seconds)
        else:
            conf.set_default("timeout", seconds, "vault")
        return CastellanKeys(key_manager.API(conf), context, kind.capitalize())
    except (cfg.Error, ValueError) as error:
        raise ManagerMisconfigured(f"[{kind}] cannot be used: {error}") from error


def _context(login: Login, seconds: float) -> Any:
    """Who asks, as castellan takes it: its own password login could not be told for how long to wait."""
    from keystoneauth1 import identity
    from keystoneauth1.session import Session
    from oslo_context.context import RequestContext

    class Bounded(identity.V3Password):
        """A login that bounds whatever session it is used in: every request begins by asking it for a token."""

        def get_headers(self, session: Session, *given: Any, **named: Any) -> Any:
            session.timeout = seconds
            return super().get_headers(session, *given, **named)

        def get_endpoint(self, session: Session, *given: Any, **named: Any) -> Any:
            session.timeout = seconds
            return super().get_endpoint(session, *given, **named)

    class Asking(RequestContext):
        def get_auth_plugin(self) -> Any:
            return plugin

    plugin = Bounded(**login.user)
    return Asking(overwrite=False)
