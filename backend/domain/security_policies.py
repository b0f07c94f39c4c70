"""Security policies of listeners that speak TLS: protocols and ciphers by the names that AWS gives them."""

from __future__ import annotations

from typing import Final

DEFAULT_POLICY: Final = "ELBSecurityPolicy-2016-08"
_TLS13: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_TLS12: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_OLDER: Final = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256", "AES128-SHA")
# Source: Application Load Balancer User Guide, "Security policies"; protocols in full, ciphers as far as clients ask.
POLICIES: Final = {
    DEFAULT_POLICY: (("TLSv1", "TLSv1.1", "TLSv1.2"), (*_TLS12, *_OLDER)),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": (("TLSv1.2", "TLSv1.3"), (*_TLS13, *_TLS12)),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": (("TLSv1.2", "TLSv1.3"), (*_TLS13, *_TLS12)),
    "ELBSecurityPolicy-TLS13-1-3-2021-06": (("TLSv1.3",), _TLS13),
    "ELBSecurityPolicy-TLS13-1-0-2021-06": (
        ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
        (*_TLS13, *_TLS12, *_OLDER),
    ),
    "ELBSecurityPolicy-TLS-1-2-2017-01": (("TLSv1.2",), _TLS12),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": (("TLSv1.2",), (*_TLS12, *_OLDER)),
    "ELBSecurityPolicy-TLS-1-1-2017-01": (("TLSv1.1", "TLSv1.2"), (*_TLS12, *_OLDER)),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": (("TLSv1.2",), _TLS12),
}
