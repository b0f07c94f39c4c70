"""What listeners speak TLS with: certificates with their private keys in clear, as short as they are needed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in PEM. ``id`` is one for ever: another content is another certificate."""

    id: str
    body: str
    chain: str | None
    private_key: str = field(repr=False)


class CertificatesUnanswered(Exception):
    """Where certificates are kept could not be asked."""
