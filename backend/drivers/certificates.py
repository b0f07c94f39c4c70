"""The certificates port: what listeners speak TLS with, kept elsewhere."""

from __future__ import annotations

from typing import Protocol

from backend.domain.certificates import Certificate
from backend.domain.scope import Scope


class Certificates(Protocol):
    def of(self, scope: Scope, certificate_id: str) -> Certificate | None:
        """A certificate of the project; None where there is none of that id.

        Raises:
            SecretUnreadable: none of the keys at hand opens its private key.
            CertificatesUnanswered: it could not be looked up.
        """


class NoCertificates:
    """None is kept."""

    def of(self, scope: Scope, certificate_id: str) -> Certificate | None:
        del scope, certificate_id
        return None
