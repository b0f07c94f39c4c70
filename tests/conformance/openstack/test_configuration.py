from __future__ import annotations

import base64
import configparser
import json
from pathlib import Path

import pytest

from conformance.openstack import configuration
from conformance.openstack.services import services
from conformance.openstack.settings import REGIONAL, Settings


@pytest.fixture(params=[1, 2])
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    settings = Settings(tmp_path / "cloud", 20000, request.param)
    configuration.write(settings)
    return settings


def parsed(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, default_section="none", allow_no_value=True)
    parser.read_string(path.read_text())
    return parser


def test_every_template_has_values_for_all_it_names(settings: Settings) -> None:
    written = [path for path in settings.etc.rglob("*") if path.is_file()]
    templates = [path for path in configuration.TEMPLATES.rglob("*") if path.is_file()]
    regional = [path for path in templates if path.relative_to(configuration.TEMPLATES).parts[0] in REGIONAL]
    assert len(written) == len(templates) + len(regional) * (settings.regions - 1)
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
    mariadb = parsed(settings.etc / "mariadb" / "my.cnf")["mariadbd"]
    assert mariadb["port"] == "20020"
    assert mariadb["tmpdir"] == mariadb["datadir"], "whoever starts removes temporary tables of others in a common one"
    neutron = parsed(settings.etc / "neutron" / "neutron.conf")
    assert neutron["database"]["connection"].startswith("mysql+pymysql://neutron:secret@127.0.0.1:20020/neutron?")


def test_nova_tells_what_happens_where_that_is_asked_for(settings: Settings) -> None:
    files = [settings.etc_of(region) / "nova" / "nova.conf" for region in settings.several]
    told = [parsed(path)["oslo_messaging_notifications"]["driver"] for path in files]
    configuration.write(settings, telling=True)
    telling = [parsed(path)["oslo_messaging_notifications"]["driver"] for path in files]
    assert (set(told), set(telling)) == ({"noop"}, {"messagingv2"})


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


def test_a_second_region_shares_no_port_database_or_queue_with_the_first(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "cloud", 20000, 2)
    configuration.write(settings)
    first, second = (parsed(settings.etc_of(region) / "nova" / "nova.conf") for region in settings.several)
    assert second["DEFAULT"]["transport_url"] == "rabbit://openstack:secret@127.0.0.1:20021/two"
    assert second["glance"]["api_servers"] == first["glance"]["api_servers"]
    assert (first["neutron"]["region_name"], second["neutron"]["region_name"]) == ("RegionOne", "RegionTwo")
    one, two = (parsed(settings.etc_of(region) / "nova" / "database.conf") for region in settings.several)
    for section in ("database", "api_database"):
        assert one[section]["connection"].replace("?", "_two?") == two[section]["connection"]
    host = parsed(settings.etc_of(settings.several[1]) / "nova" / "cpu-az1.conf")
    assert host["DEFAULT"]["state_path"] == f"{settings.data}/RegionTwo/nova/cpu-az1"
    made = (settings.etc / "mariadb" / "init.sql").read_text()
    assert all(f"CREATE DATABASE IF NOT EXISTS {name} " in made for name in ("nova_cell0_two", "placement_two"))
    assert "keystone_two" not in made


def test_rabbitmq_gets_its_user(settings: Settings) -> None:
    definitions = json.loads((settings.etc / "rabbitmq" / "definitions.json").read_text())
    assert [user["name"] for user in definitions["users"]] == ["openstack"]
    assert {each["pattern"] for each in definitions["policies"]} == {r"^(coppice|(versioned_)?notifications\.).*"}
    hosts = [each["name"] for each in definitions["vhosts"]]
    assert [each["vhost"] for each in definitions["permissions"]] == hosts == ["/", "two"]


def test_the_hash_is_the_one_of_rabbitmqs_manual() -> None:
    expected = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert configuration.rabbitmq_hash("test12", base64.b64decode(expected)[:4]) == expected


def test_databases_are_made_one_statement_a_line(settings: Settings) -> None:
    lines = (settings.etc / "mariadb" / "init.sql").read_text().splitlines()
    assert all(line.endswith(";") and line.count(";") == 1 for line in lines)
    assert "GRANT ALL ON nova_cell0.* TO 'nova'@'127.0.0.1';" in lines
