"""The composition root's own parts: which cloud is chosen, and Keystone's keys as the gateway meets them."""

from __future__ import annotations

import socket
import urllib.request

import pytest

import wsgi
from backend.drivers.cloud import Cloud
from backend.drivers.credentials import AccessKey, BadSignature
from backend.drivers.errors import CloudUnavailable
from gateway.auth import claims
from gateway.auth.refusals import Refusal
from tests.gateway.world import action
from translators.errors import AWSError

FOUND = AccessKey("AK", "u-1", "demo", "p-1", "project", frozenset({"member"}), "the secret")


class Keys:
    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def find(self, access_key):
        return self._given(access_key)

    def check(self, signed):
        return self._given(signed)

    def _given(self, asked):
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_key_is_a_credential_of_its_owner():
    found = wsgi.KeystoneCredentials(Keys(FOUND)).find("AK")
    assert (found.secret, found.caller.user_name, found.caller.project_id) == ("the secret", "demo", "p-1")
    assert found.caller.roles == {"member"}
    assert wsgi.KeystoneCredentials(Keys(None)).find("AK") is None


def test_a_signed_request_is_handed_over_with_what_was_signed():
    request = action("autoscaling", "DescribeAutoScalingGroups", query="a=b")
    keys = Keys(FOUND)
    claim = claims.read(request)
    assert wsgi.KeystoneCredentials(keys).check(request, claim, "hash").user_id == "u-1"
    (signed,) = keys.asked
    assert (signed.method, signed.path, signed.params, signed.body_hash) == ("POST", "/", {"a": "b"}, "hash")
    assert {*claim.signed_headers, "authorization"} <= signed.headers.keys()
    assert (signed.host, signed.signature) == (request.headers["host"], claim.signature)


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [(CloudUnavailable("down"), "ServiceUnavailable", 503), (BadSignature("bad"), "SignatureDoesNotMatch", 403)],
)
def test_what_keystone_cannot_say_is_told_in_aws_s_words(answer, code, status):
    request = action("autoscaling", "DescribeAutoScalingGroups")
    with pytest.raises(AWSError) as told:
        wsgi.KeystoneCredentials(Keys(answer)).check(request, claims.read(request), "hash")
    assert (told.value.code, told.value.status) == (code, status)
    assert isinstance(told.value, Refusal) is (code == "SignatureDoesNotMatch")


def test_the_cloud_is_chosen_by_configuration(tmp_path, monkeypatch):
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {here: {auth: {auth_url: 'http://x', username: u, password: p}, region_name: R1}}")
    configuration = tmp_path / "coppice.conf"
    configuration.write_text(
        f"[cloud]\ndriver = openstack\n[openstack]\ncloud = here\nclouds_file = {clouds}\n"
        "zones = us-east-1a:az1,us-east-1b:az2\narchitectures = arm64\n"
    )
    monkeypatch.setenv("COPPICE_CONFIG", str(configuration))
    chosen = wsgi.settings()
    assert chosen.driver == "openstack"
    assert chosen.openstack.zones == {"us-east-1a": "az1", "us-east-1b": "az2"}
    assert chosen.openstack.architectures == ("arm64",)
    assert isinstance(wsgi.cloud_of(chosen, wsgi.store_of(chosen)), Cloud)
    assert wsgi.keystone_identity(chosen).regions == {"us-east-1": "R1", "R1": "R1"}


def test_a_key_of_the_state_folder_is_made_once_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert not wsgi.seal_of(wsgi.settings()).has_keys
    wsgi._keep_key(tmp_path)
    made = (tmp_path / "secrets.key").read_text()
    assert (tmp_path / "secrets.key").stat().st_mode & 0o777 == 0o600
    wsgi._keep_key(tmp_path)
    assert (tmp_path / "secrets.key").read_text() == made
    assert wsgi.seal_of(wsgi.settings()).open(wsgi.Seal([made.strip()]).close("x")) == "x"


def test_keys_of_the_settings_go_before_those_of_the_state(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    wsgi._keep_key(tmp_path)
    assert wsgi.main(["key"]) == 0
    key = capsys.readouterr().out.strip()
    monkeypatch.setenv("OS_SECRETS__KEY", key)
    chosen = wsgi.settings()
    assert wsgi.seal_of(chosen).open(wsgi.Seal([key]).close("x")) == "x"
    assert key not in repr(chosen)


@pytest.mark.parametrize(("option", "value"), [("KEY", "no-key"), ("KEY_FILE", "/nowhere/at/all")])
def test_what_is_no_key_is_told_in_plain_words(tmp_path, monkeypatch, option, value):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv(f"OS_SECRETS__{option}", value)
    with pytest.raises(wsgi.CannotStart, match="key"):
        wsgi.seal_of(wsgi.settings())


def test_nothing_is_handed_over_without_a_key(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["grant", "--application-credential", "--cloud", "mine"]) == 1
    assert "no key is set in [secrets]" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["2001-01-01", "soon"])
def test_an_end_that_is_past_or_none_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        wsgi.main(["grant", "--cloud", "mine", "--expires", text])
    assert text in capsys.readouterr().err


def test_secrets_are_resealed_by_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    wsgi._keep_key(tmp_path)
    assert wsgi.main(["migrate"]) == 0
    assert wsgi.main(["reseal"]) == 0
    assert capsys.readouterr().out == "Sealed with the first key: 0.\n"


def test_a_lone_engine_serves_its_metrics_or_says_why_not():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(wsgi.CannotStart, match=f"no metrics can be served at 127.0.0.1:{port}"):
            wsgi._serve_metrics(port, "127.0.0.1")
    server = wsgi._serve_metrics(port, "127.0.0.1")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"python_info" in answer.read()
    finally:
        server.shutdown()
        server.server_close()
