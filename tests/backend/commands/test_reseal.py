"""A new key for [secrets]: what lies sealed anywhere in the database can be opened with it alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

import wsgi
from backend.clock import SystemClock
from backend.commands import opening
from backend.domain.delegation import Delegation
from backend.domain.identities import ServerCertificate, everywhere
from backend.domain.parameters import Parameter, ParameterType, key_of
from backend.services.sessions import Owned, SessionRules, Sessions
from backend.store import identities
from backend.store.delegations import StoredDelegations
from backend.store.parameters import PARAMETERS
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from tests.factories import SCOPE

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
_TOKEN = re.compile(r"gAAAA[\w=-]+")


def parameter(name: str, value: str, kind: ParameterType = ParameterType.SECURE) -> Parameter:
    return Parameter(key_of(name), key_of(name), name, 1, True, kind, value, NOW, "arn")


def keep_one_of_each(store: Store, seal: Seal) -> None:
    handed = Delegation("credential", "p", "u", "member", NOW, None, "s3cret")
    StoredDelegations(store, seal).put(handed)
    rules = SessionRules(seal=seal, lasting=lambda _: Owned("p", "s3cret"))
    Sessions(store, SystemClock(), rules).open("AKIAX", "p", timedelta(hours=1))
    certificate = ServerCertificate("ASCA1", "c", "/", "PEM", None, NOW, NOW, seal.close("key"), {})
    store.transact(lambda conn: identities.CERTIFICATES.add(conn, everywhere(SCOPE), certificate, folded="c"))
    secure = [parameter(f"/{number}", seal.close("s3cret")) for number in range(501)]
    open_one = parameter("/open", "gAAAAAnotsealed", ParameterType.STRING)
    store.transact(lambda conn: PARAMETERS.add(conn, SCOPE, open_one, *secure))


def sealed(store: Store) -> dict[str, list[str]]:
    """All that looks sealed, by its table."""
    found: dict[str, list[str]] = {}
    with store.read() as conn:
        for table in inspect(conn).get_table_names():
            tokens = [_TOKEN.findall(str(tuple(row))) for row in conn.execute(text(f"SELECT * FROM {table}"))]
            found[table] = [token for each in tokens for token in each if "notsealed" not in token]
    return {table: tokens for table, tokens in found.items() if tokens}


def test_every_secret_is_sealed_with_the_first_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = new_key(), new_key()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OS_DATABASE__URL", f"sqlite:///{tmp_path}/coppice.db")
    (tmp_path / ".coppice").mkdir()
    (tmp_path / ".coppice" / opening.KEY_FILE).write_text(f"{new}\n{old}\n")
    monkeypatch.setenv("OS_CLOUD__DRIVER", "simulated")
    assert wsgi.main(["migrate"]) == 0
    store = opening.store_of(opening.settings())
    keep_one_of_each(store, Seal([old]))
    before = sealed(store)
    assert before.keys() == {"delegations", "sessions", "ssm_parameters", "iam_server_certificates"}
    assert wsgi.main(["reseal"]) == 0
    assert "Sealed with the first key: 504." in capsys.readouterr().out
    for table, tokens in sealed(store).items():
        assert len(tokens) == len(before[table])
        assert all(Seal([new]).open(token) for token in tokens)
    with store.read() as conn:
        left = PARAMETERS.one(conn, SCOPE, name="/open")
    assert left is not None
    assert left.value == "gAAAAAnotsealed"
    store.close()


def test_nobody_seals_whose_secrets_would_be_left_out() -> None:
    sealing = [path for path in (ROOT / "backend").rglob("*.py") if "seal.close(" in path.read_text()]
    assert {path.stem for path in sealing} == {
        *{"delegations", "sessions"},
        *{"parameters", "server_certificates"},
        "guarded",  # launch configurations and templates
        "sealed",  # which knows all of them
        "accounts",  # of the simulated cloud, which are in a file
    }
