"""What a wire form can do for the pipeline: know its requests, take them apart, answer and refuse."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel

from gateway.limits import Limits
from gateway.request import Request, Response
from translators.errors import AWSError

Read = Callable[[Any], dict[str, Any]]
Answer = Callable[[Mapping[str, Any], str], Response]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for, taken apart and not yet held against the shapes of the operation.

    Attributes:
        operation: its name as the client gives it: any text, empty where there is none.
        service: how the client names the service; None where it does not. In forms that is the version of its API.
        content: what the form's readers read: a tree of names, or plain values.
    """

    operation: str
    service: str | None
    content: Any


class Protocol(typing.Protocol):
    """One wire form for one service; the compiled functions are made once per operation by the caller, who keeps them.

    Attributes:
        name: the form's, as botocore's metadata lists it.
        service: how requests of this form name the service; see ``Asked``.
    """

    name: str
    service: str | None

    def claims(self, request: Request) -> bool:
        """Whether a request is of this form, by its headers alone."""

    def asked(self, request: Request, limits: Limits) -> Asked:
        """What a request asks for; raises AWSError where it cannot be taken apart."""

    def reader(self, operation: OperationModel) -> Read:
        """A function from the content of what is asked to input members; it raises AWSError."""

    def answerer(self, operation: OperationModel) -> Answer:
        """A function from output members and the request id to the answer."""

    def refuse(self, error: AWSError, request_id: str) -> Response:
        """The answer that tells an error."""
