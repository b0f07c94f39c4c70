"""The few rules of HTTP's grammar that tell where something ends; nothing here reads what it means.

Source: RFC 9110, sections 5.5 and 5.6.2; RFC 9112, section 5.
"""

from __future__ import annotations

import re
from typing import Final

CRLF: Final = b"\r\n"
TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
TEXT: Final = rb"[^\x00-\x08\x0a-\x1f\x7f]*+"
FIELDS: Final = re.compile(rb"(?:" + TOKEN + rb":" + TEXT + rb"\r\n)*+")
"""Lines of a head or of trailers. No byte is looked at twice."""
