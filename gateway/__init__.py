"""AWS's wire: bytes in, bytes out. Knows operations and shapes, and nothing of clusters; never imports the backend."""

from gateway import counts  # noqa: F401 - before any count is made
