from __future__ import annotations

import base64
import configparser
import json
from pathlib import Path

import pytest

from conformance.openstack import configuration
from conformance.openstack.services import services
from conformance.openstack.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(tmp_path / "cloud", 20000)
    configuration.write(settings)
    return settings


def parsed(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, default_section="none", allow_no_value=True)
    parser.read_string(path.read_text())
    return parser


def test_every_template_has_values_for_all_it_names(settings: Settings) -> None:
    written = [path for path in settings.etc.rglob("*") if path.is_file()]
    assert len(written) == len([path for path in configuration.TEMPLATES.rglob("*") if path.is_file()])
    assert not [path for path in written if "${" in path.read_text()]


def test_a_name_without_a_value_is_told() -> None:
    with pytest.raises(KeyError, match="nothing"):
        configuration.render("a = ${nothing}", {})


def test_what_oslo_and_mariadb_read_can_be_parsed(settings: Settings) -> None:
    for path in (*settings.etc.rglob("*.conf"), *settings.etc.rglob("*.cnf")):
        if path.parent.name != "rabbitmq":
            assert parsed(path).sections(), path


def test_services_find_each_other_at_their_ports(settings: Settings) -> None:
    nova = parsed(settings.etc / "nova" / "nova.conf")
    assert nova["DEFAULT"]["transport_url"] == "rabbit://openstack:secret@127.0.0.1:20021/"
    assert nova["keystone_authtoken"]["auth_url"] == "http://127.0.0.1:20000"
    assert nova["keystone_authtoken"]["memcached_servers"] == "127.0.0.1:20024"
    assert nova["glance"]["api_servers"] == "http://127.0.0.1:20003"
    assert parsed(settings.etc / "mariadb" / "my.cnf")["mariadbd"]["port"] == "20020"
    neutron = parsed(settings.etc / "neutron" / "neutron.conf")
    assert neutron["database"]["connection"].startswith("mysql+pymysql://neutron:secret@127.0.0.1:20020/neutron?")


def test_compute_hosts_know_no_database(settings: Settings) -> None:
    for service in services(settings):
        if not service.name.startswith("nova-compute"):
            continue
        files = [word for before, word in zip(service.command, service.command[1:], strict=False) if "config" in before]
        assert files
        assert not any("connection" in section for file in files for section in parsed(Path(file)).values())


def test_every_file_that_a_service_is_started_with_is_written(settings: Settings) -> None:
    named = [
        Path(word)
        for service in services(settings)
        for text in (*service.command, *service.environment.values())
        for word in text.replace("=", " ").split()
        if word.startswith(str(settings.etc))
    ]
    assert len(named) > 10
    assert not [path for path in named if not path.exists()]


def test_rabbitmq_gets_its_user(settings: Settings) -> None:
    definitions = json.loads((settings.etc / "rabbitmq" / "definitions.json").read_text())
    assert [user["name"] for user in definitions["users"]] == ["openstack"]
    assert definitions["policies"][0]["pattern"] == r"^(versioned_)?notifications\..*"


def test_the_hash_is_the_one_of_rabbitmqs_manual() -> None:
    expected = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert configuration.rabbitmq_hash("test12", base64.b64decode(expected)[:4]) == expected


def test_databases_are_made_one_statement_a_line(settings: Settings) -> None:
    lines = (settings.etc / "mariadb" / "init.sql").read_text().splitlines()
    assert all(line.endswith(";") and line.count(";") == 1 for line in lines)
    assert "GRANT ALL ON nova_cell0.* TO 'nova'@'127.0.0.1';" in lines
