"""Calls handlers through the real service models: unknown members fail, answers are read back as boto3 would."""

from __future__ import annotations

from typing import Any

from botocore.parsers import create_parser

from backend.domain.scope import Scope
from gateway.models import operation_model
from gateway.services import Services
from tests.answers import known
from tests.factories import SCOPE, World, request
from translators.errors import AWSError, translate
from translators.registry import find

_SERVICES = Services()


class Asking:
    """One service as a client sees it: ``aws("DescribeVpcs", VpcIds=[...])``."""

    def __init__(self, world: World, service: str = "ec2", scope: Scope = SCOPE) -> None:
        self.world = world
        self.service = service
        self.scope = scope

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        """The parsed answer; a refusal is raised as AWSError."""
        model = operation_model(self.service, operation)
        assert model is not None, operation
        if model.input_shape is not None:
            known(model.input_shape, params, operation)
        handler = find(self.service, operation)
        assert handler is not None, f"nobody answers {operation}"
        try:
            result = handler(request(self.world.backend, self.service, operation, params, self.scope))
        except Exception as error:
            told = translate(error, self.service)
            if told is None:
                raise
            raise told from error
        if model.output_shape is not None:
            known(model.output_shape, result, operation)
        form = model.service_model.metadata["protocol"]
        compiled = _SERVICES.service(self.service).operation(operation, form)
        assert compiled is not None
        parsed: dict[str, Any] = create_parser(form).parse(
            {"status_code": 200, "headers": {}, "body": compiled.answer(result, "request-1").body}, model.output_shape
        )
        parsed.pop("ResponseMetadata", None)
        return parsed

    def refused(self, operation: str, **params: Any) -> AWSError:
        """The refusal that a call must end in."""
        try:
            answer = self(operation, **params)
        except AWSError as error:
            return error
        raise AssertionError(f"{operation} was answered: {answer}")

    def code(self, operation: str, **params: Any) -> str:
        return self.refused(operation, **params).code


def filtered(name: str, *values: str) -> list[dict[str, Any]]:
    """A request's ``Filters`` with one filter."""
    return [{"Name": name, "Values": list(values)}]
