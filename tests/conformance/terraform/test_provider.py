"""What stands before Terraform's provider: calls are handed on as they are, and two kinds of answers kept."""

import os
import sys
import tempfile
from pathlib import Path

import grpc
import pytest

from conformance.terraform.provider import NotStarted, Provider


@pytest.fixture
def program(tmp_path):
    made = tmp_path / "provider"
    made.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("a_provider.py")} "$@"\n')
    made.chmod(0o755)
    return made


@pytest.fixture
def ask(program):
    with tempfile.TemporaryDirectory() as folder:
        provider = Provider(program, {**os.environ, "FOLDER": folder})
        with grpc.insecure_channel(f"unix:{provider.reached['Addr']['String']}") as channel:
            yield lambda method, request: channel.unary_unary(f"/tfplugin5.Provider/{method}")(request)
        provider.stop()


def test_what_follows_from_the_question_is_asked_once(ask):
    assert [ask("GetSchema", b""), ask("GetSchema", b"")] == [b"1 "] * 2
    assert [ask("PrepareProviderConfig", one) for one in (b"a", b"b", b"a", b"b")] == [b"2 a", b"3 b"] * 2


def test_all_else_is_handed_on_each_time(ask):
    assert [ask("ReadResource", b"\0\xff") for _ in range(2)] == [b"1 \0\xff", b"2 \0\xff"]
    assert [ask("Configure", b"a") for _ in range(2)] == [b"3 a", b"4 a"]


def test_a_refusal_arrives_as_it_was_meant(ask):
    with pytest.raises(grpc.RpcError) as refused:
        ask("Refused", b"")
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")


def test_a_provider_that_ends_is_told_with_its_words(program):
    with pytest.raises(NotStarted, match="no licence"):
        Provider(program, {**os.environ, "DIES": "1"})
