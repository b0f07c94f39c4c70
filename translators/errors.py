"""AWS's errors as values, and the one table from the engine's findings to AWS's code, words and status."""

from __future__ import annotations


class AWSError(Exception):
    """An error as an AWS client sees it.

    Args:
        code: AWS's error code (``ValidationError``).
        message: the words, as AWS says them.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    @property
    def fault(self) -> str:
        """``Sender`` for the caller's faults, ``Receiver`` for ours, as the error document names them."""
        return "Sender" if self.status < 500 else "Receiver"
