"""Keys that a manager keeps: each asked for once, in whatever form they are there; then castellan itself over HTTP."""

from __future__ import annotations

import base64
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from oslo_config import cfg

from backend.drivers import castellan_keys
from backend.drivers.castellan_keys import Login
from backend.drivers.key_manager import MOST_LEFT, KeptKeys, KeyManager, ManagerMisconfigured
from backend.drivers.optional import NoLibrary
from backend.errors import KeysUnreached
from backend.store.secrets import Seal, new_key
from tests.backend.drivers.key_managers import Barbican, FakeManager, Vault, serving

RAW = bytes(range(32))
TEXT = base64.urlsafe_b64encode(RAW).decode()


def test_what_is_held_is_asked_for_once() -> None:
    manager = FakeManager({"one": RAW, "two": new_key().encode()})
    kept = KeptKeys(lambda: manager, "Barbican")
    assert kept.of(["one", "two"])[0] == TEXT
    manager.away = True
    assert len(kept.of(["two", "one"])) == 2
    assert manager.asked == ["one", "two"]
    with pytest.raises(KeysUnreached, match="away"):
        kept.of(["one", "three"])


@pytest.mark.parametrize("form", [RAW, TEXT.encode(), f"{TEXT}\n".encode()])
def test_keys_come_as_bytes_or_as_text(form: bytes) -> None:
    (key,) = KeptKeys(lambda: FakeManager({"one": form}), "Vault").of(["one"])
    assert Seal([key]).open(Seal([TEXT]).close("x")) == "x"


@pytest.mark.parametrize("form", [b"", b"password", b"\xff" * 31, TEXT[:-4].encode(), "ä".encode() * 22])
def test_what_is_no_key_is_told_and_not_shown(form: bytes) -> None:
    with pytest.raises(KeysUnreached, match="what Vault keeps as one is no key") as refused:
        KeptKeys(lambda: FakeManager({"one": form}), "Vault").of(["one"])
    assert "password" not in str(refused.value)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (b"correct horse battery staple 001", "it is text of 32 letters, and no text of a key"),
        (b"0123456789abcdef0123456789abcdef", "it is text"),
        (bytes(32), "it is not random"),
        (b"\x07\xff" * 16, "it is not random"),
        (base64.urlsafe_b64encode(bytes(32)), "it is not random"),
        (f"{TEXT[:-2]}!!==".encode(), "no key"),
        (f"{TEXT[:20]} {TEXT[20:]}".encode(), "no key"),
    ],
)
def test_what_nobody_drew_as_a_key_is_none_though_it_be_of_32_bytes(form: bytes, why: str) -> None:
    with pytest.raises(KeysUnreached, match="what Vault keeps as one is no key") as refused:
        KeptKeys(lambda: FakeManager({"one": form}), "Vault").of(["one"])
    assert why in str(refused.value)
    for shown in ("horse", "abcdef", "07", "AAAA", TEXT[:20]):
        assert shown not in str(refused.value)


def test_a_key_is_the_same_in_either_alphabet_of_base64() -> None:
    key = base64.b64encode(bytes(range(224, 256)))
    assert b"/" in key
    (found,) = KeptKeys(lambda: FakeManager({"one": key}), "Vault").of(["one"])
    assert base64.urlsafe_b64decode(found) == bytes(range(224, 256))
    assert "/" not in found


def test_a_key_of_ours_is_kept_as_bytes() -> None:
    manager, key = FakeManager(), new_key()
    kept = KeptKeys(lambda: manager, "Barbican")
    assert kept.of([kept.put(key)]) == [key]
    assert [len(each) for each in manager.kept.values()] == [32]


def test_a_manager_that_failed_is_opened_anew_by_the_settings_as_they_are_then() -> None:
    first, second = FakeManager(away=True), FakeManager({"one": RAW})
    found: list[FakeManager | ManagerMisconfigured] = [first, ManagerMisconfigured("no vault_url"), second]

    def opened() -> KeyManager:
        manager = found.pop(0)
        if isinstance(manager, ManagerMisconfigured):
            raise manager
        return manager

    kept = KeptKeys(opened, "Vault")
    for why in ("the manager is away", "no vault_url"):
        with pytest.raises(KeysUnreached, match=why):
            kept.of(["one"])
    assert kept.of(["one"]) == [TEXT]


def test_without_the_library_it_is_said_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "castellan", None)
    with pytest.raises(NoLibrary, match=r"castellan is not installed, which .* vault needs"):
        castellan_keys.opened("vault", cfg.ConfigOpts(), 1.0, _nobody)


def _nobody() -> Login:
    raise AssertionError("nobody is asked who asks Vault")


class Real:
    """A manager of castellan's before what stands in for the service; more of them for others' settings."""

    def __init__(self, kind: str, server: Vault | Barbican) -> None:
        self.kind, self.server = kind, server

    def opened(self, *, secret: str = "s3cret-id", seconds: float = 1.0) -> KeyManager:
        conf = cfg.ConfigOpts()
        conf(args=[], project="coppice", default_config_files=[])
        if self.kind == "barbican":
            user = {"auth_url": f"{self.server.url}/v3", "username": "coppice", "password": secret}
            scope = {"user_domain_name": "Default", "project_name": "service", "project_domain_name": "Default"}
            return castellan_keys.opened("barbican", conf, seconds, lambda: Login({**user, **scope}, "R1", "public"))
        from castellan import options

        options.set_defaults(conf)  # what the file says, which has the options as castellan names them
        for name, value in {"vault_url": self.server.url, "approle_role_id": "coppice"}.items():
            conf.set_override(name, value, "vault")
        conf.set_override("approle_secret_id", secret, "vault")
        return castellan_keys.opened("vault", conf, seconds, _nobody)


@pytest.fixture(params=["vault", "barbican"])
def real(request: pytest.FixtureRequest) -> Iterator[Real]:
    server: Vault | Barbican = Vault() if request.param == "vault" else Barbican()
    with serving(server):
        yield Real(request.param, server)


def test_what_is_put_there_is_there(real: Real) -> None:
    kept = KeptKeys(real.opened, real.kind)
    key = new_key()
    reference = kept.put(key)
    assert KeptKeys(real.opened, real.kind).of([reference]) == [key]


def test_a_key_that_an_operator_put_there_as_text_is_one() -> None:
    server, reference = Barbican(), "00000000-aaaa-4000-8000-000000000001"
    server.kept[reference] = {"payload": TEXT, "payload_content_type": "text/plain", "secret_type": "opaque"}
    with serving(server):
        assert KeptKeys(Real("barbican", server).opened, "Barbican").of([reference]) == [TEXT]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"secret_type": "symmetric", "algorithm": "aes", "bit_length": 256}, ""),
        ({"secret_type": "symmetric", "algorithm": None, "bit_length": None}, ""),
        ({"secret_type": "opaque", "algorithm": "aes", "bit_length": 256}, ""),
        ({"secret_type": "symmetric", "algorithm": "aes", "bit_length": 128}, "it is a key of 128 bits"),
        ({"secret_type": "symmetric", "algorithm": "3DES", "bit_length": 256}, "it is a key of 3DES"),
    ],
)
def test_what_barbican_tells_of_a_key_has_to_be_that_of_one(told: dict[str, object], why: str) -> None:
    server, reference = Barbican(), "00000000-aaaa-4000-8000-000000000001"
    payload = {"payload": base64.b64encode(RAW).decode(), "payload_content_type": "application/octet-stream"}
    server.kept[reference] = {**payload, **told}
    with serving(server):
        kept = KeptKeys(Real("barbican", server).opened, "Barbican")
        if not why:
            assert kept.of([reference]) == [TEXT]
            return
        with pytest.raises(KeysUnreached) as refused:
            kept.of([reference])
    assert str(refused.value) == f"what Barbican keeps as {reference} is no key: {why}, and not one of AES of 256 bits"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"type": "symmetric", "algorithm": "AES", "bit_length": 192}, "it is a key of 192 bits"),
        ({"type": "symmetric", "algorithm": "HMAC-SHA256", "bit_length": 256}, "it is a key of HMAC-SHA256"),
        ({"type": "private", "algorithm": "RSA", "bit_length": 2048}, "it is a private key"),
        ({"type": "certificate"}, "it is a certificate"),
    ],
)
def test_what_vault_tells_of_a_key_has_to_be_that_of_one(record: dict[str, object], why: str) -> None:
    server = Vault()
    server.kept["one"] = {"value": RAW.hex(), "name": None, "created": None, **record}
    with serving(server), pytest.raises(KeysUnreached) as refused:
        KeptKeys(Real("vault", server).opened, "Vault").of(["one"])
    assert str(refused.value).startswith(f"what Vault keeps as one is no key: {why}")
    assert RAW.hex() not in str(refused.value)


def test_an_unknown_reference_is_named(real: Real) -> None:
    with pytest.raises(
        KeysUnreached, match=f"{real.kind.capitalize()} has not the key 00000000-aaaa-4000-8000-000000000000"
    ):
        real.opened().get("00000000-aaaa-4000-8000-000000000000")


def _fails(server: Vault | Barbican) -> None:
    server.status = 503


def _hangs(server: Vault | Barbican) -> None:
    server.hangs = True


@pytest.mark.parametrize("fault", [_fails, _hangs])
def test_a_manager_that_fails_or_hangs_is_away_and_comes_back(
    real: Real, fault: Callable[[Vault | Barbican], None]
) -> None:
    manager = real.opened()
    reference = manager.put(RAW)
    fault(real.server)
    with pytest.raises(KeysUnreached, match=f"{real.kind.capitalize()} does not give the key"):
        manager.get(reference)
    real.server.status, real.server.hangs = 200, False
    assert manager.get(reference) == RAW


def test_a_manager_that_hangs_from_the_first_is_waited_for_no_longer(real: Real) -> None:
    real.server.hangs = True
    with pytest.raises(KeysUnreached):
        real.opened(seconds=0.5).get("one")


def test_a_manager_that_drips_is_waited_for_no_longer_than_for_all_of_a_look(real: Real) -> None:
    """Each byte comes in time, and the answer does not."""
    kept = KeptKeys(real.opened, real.kind.capitalize(), lambda: 1.0)
    reference = kept.put(TEXT)
    real.server.drips = True
    with pytest.raises(KeysUnreached, match=f"{real.kind.capitalize()} has not given what it was asked for within 1 s"):
        kept.of([reference])
    real.server.drips = False
    assert kept.of([reference]) == [TEXT]


def test_a_manager_that_was_left_alone_too_often_is_asked_again_when_it_lets_go() -> None:
    goes_on = threading.Event()

    class Silent(FakeManager):
        def get(self, reference: str) -> bytes:
            assert goes_on.wait(60)
            return super().get(reference)

    silent = Silent({"one": RAW})
    kept = KeptKeys(lambda: silent, "Vault", lambda: 0.0)
    for _ in range(MOST_LEFT):
        with pytest.raises(KeysUnreached, match="within 0 s"):
            kept.of(["one"])
    with pytest.raises(KeysUnreached, match=f"Vault does not let go of {MOST_LEFT} looks"):
        kept.of(["one"])
    assert silent.asked == []
    goes_on.set()
    assert _at_last(kept) == [TEXT], "what came late is held as well"


def _at_last(kept: KeptKeys) -> list[str]:
    pause = threading.Event()
    for _ in range(1000):
        with suppress(KeysUnreached):
            return kept.of(["one"])
        pause.wait(0.01)
    raise AssertionError("it never came")


def test_a_manager_that_is_not_there_is_away(real: Real) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nowhere = probe.getsockname()[1]
    real.server.server_address = ("127.0.0.1", nowhere)
    with pytest.raises(KeysUnreached):
        real.opened().get("one")


def test_nothing_secret_is_logged_at_any_level(real: Real, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        manager = real.opened()
        assert manager.get(manager.put(RAW)) == RAW
    for secret in (TEXT, RAW.hex(), base64.b64encode(RAW).decode(), "s3cret-id", "t0ken", repr(RAW)):
        assert secret not in caplog.text


def test_options_that_cannot_be_used_are_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_VAULT__KV_VERSION", "nine")
    conf = cfg.ConfigOpts()
    conf(args=[], project="coppice", default_config_files=[])
    with pytest.raises(ManagerMisconfigured, match=r"\[vault\] cannot be used"):
        castellan_keys.opened("vault", conf, 1.0, _nobody)
