"""What a wire form can do for the pipeline: read parameters, write an answer, write an error, say what was invalid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from botocore.model import OperationModel

from gateway.auth.refusals import Refusal
from gateway.protocol.form import Branch
from gateway.validation import Failure
from translators.errors import AWSError

Parse = Callable[[Branch], dict[str, Any]]
Serialize = Callable[[Mapping[str, Any], str], bytes]


class Wire(Protocol):
    """One wire form for one service; compiled functions are made once per operation by the caller, who keeps them."""

    content_type: str

    def parser(self, operation: OperationModel) -> Parse:
        """A function from the request's tree (without Action and Version) to input members; raises AWSError."""

    def serializer(self, operation: OperationModel) -> Serialize:
        """A function from output members and the request id to the answer's body."""

    def error(self, error: AWSError, request_id: str) -> bytes:
        """The error document."""

    def invalid(self, failures: list[Failure]) -> AWSError:
        """The words for constraints that were not met; the list is not empty."""

    def refused(self, refusal: Refusal) -> AWSError:
        """An authentication failure as the service says it."""

    def unknown_action(self, action: str, version: str) -> AWSError:
        """The refusal of an action that the service does not have."""

    def unanswered(self, service: str, action: str) -> AWSError:
        """The refusal of an action that the service has and Coppice does not answer."""
