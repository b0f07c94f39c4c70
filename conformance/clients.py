"""boto3 clients on an Access, and a record of every operation asked and every error code answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conformance.product import Access


class Record:
    """What a run has asked and was answered, by service."""

    def __init__(self) -> None:
        self.operations: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()
        self.errors: set[tuple[str, str]] = set()

    def watch(self, client: Any) -> None:
        client.meta.events.register("after-call.*.*", self._note)

    def _note(self, model: Any, parsed: dict[str, Any], **_: object) -> None:
        service = model.service_model.service_name
        code = parsed.get("Error", {}).get("Code")
        if code is None:
            self.operations.add((service, model.name))
        else:
            self.errors.add((service, code))
            self.refused.add((service, model.name))


RECORD = Record()


def client(
    access: Access, service: str, *, strict: bool = True, recorded: bool = True, attempts: int = 1, **extra: Any
) -> Any:
    """A client that does not retry by itself, recorded by default; with ``strict`` off it sends what botocore itself would refuse."""
    config = Config(
        retries={"total_max_attempts": attempts},
        parameter_validation=strict,
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=20,
    )
    made = boto3.session.Session().client(
        service,
        endpoint_url=access.url,
        region_name=extra.pop("region", access.region),
        aws_access_key_id=extra.pop("key", access.key),
        aws_secret_access_key=extra.pop("secret", access.secret),
        config=config,
        **extra,
    )
    if recorded:
        RECORD.watch(made)
    return made


class Refusal:
    """What ``refused`` caught."""

    code = ""
    message = ""
    status = 0


@contextmanager
def refused(code: str, match: str | None = None, status: int | None = 400) -> Iterator[Refusal]:
    """Expects an AWS error of this code, whose message holds ``match``."""
    caught = Refusal()
    with pytest.raises(ClientError) as info:
        yield caught
    answer = info.value.response
    caught.code, caught.message = answer["Error"]["Code"], answer["Error"].get("Message", "")
    caught.status = answer["ResponseMetadata"]["HTTPStatusCode"]
    assert caught.code == code, f"{caught.code}: {caught.message}"
    assert match is None or match in caught.message, caught.message
    assert status is None or caught.status == status, caught.status
    assert answer["ResponseMetadata"].get("RequestId"), answer
