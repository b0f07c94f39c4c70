from __future__ import annotations

from pathlib import Path

import pytest

from conformance.openstack import balancers, configuration, peers
from conformance.openstack.settings import OFFSETS, Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path, 20000)


@pytest.mark.parametrize("name", ["heat", "senlin"])
def test_every_name_of_a_peers_template_has_a_value(settings, name):
    configuration.write_all(peers.TEMPLATES / name, settings.etc / name, peers.values_of(settings, name))
    written = (settings.etc / name / f"{name}.conf").read_text()
    assert f"@127.0.0.1:{settings.port('mariadb')}/{name}?" in written
    assert f"username = {name}" in written
    assert "${" not in written


def test_zaqar_finds_its_configuration_at_home_and_its_messages_in_redis(settings):
    configuration.write_all(peers.TEMPLATES / "zaqar", settings.etc / "zaqar", peers.values_of(settings, "zaqar"))
    api, redis = peers.services(settings, "zaqar", {})
    written = (Path(api.environment["HOME"]) / ".zaqar" / "zaqar.conf").read_text()
    assert f"uri = redis://127.0.0.1:{settings.port('zaqar-redis')}" in written
    assert f"@127.0.0.1:{settings.port('mariadb')}/zaqar?" in written
    assert "${" not in written
    assert str(settings.port("zaqar-redis")) in redis.command
    assert len({settings.port(name) for name in OFFSETS}) == len(OFFSETS)


@pytest.mark.parametrize("name", ["gnocchi", "aodh"])
def test_who_measures_and_who_watches_find_their_configuration_at_home(settings, name):
    configuration.write_all(peers.TEMPLATES / name, settings.etc / name, peers.values_of(settings, name))
    api, *workers = peers.services(settings, name, {})
    file = Path(api.environment["HOME"]) / f".{name}" / f"{name}.conf"
    written = file.read_text()
    assert f"@127.0.0.1:{settings.port('mariadb')}/{name}?" in written
    assert "${" not in written
    assert workers
    assert all(str(file) in worker.command for worker in workers)
    assert name in peers.PASSING


@pytest.mark.parametrize("name", ["heat", "senlin"])
def test_a_peer_runs_from_its_own_environment_on_its_own_port(settings, name):
    api, *workers = peers.services(settings, name, {"http_proxy": "http://127.0.0.1:1"})
    assert f"127.0.0.1:{settings.port(name)}" in api.command
    assert workers
    for service in (api, *workers):
        assert service.command[0].startswith(str(settings.peer_venv(name)))
        assert service.environment["http_proxy"] == "http://127.0.0.1:1"


def test_balancers_that_forward_are_octavia_s_own_services_with_more_of_a_configuration(settings):
    configuration.write_all(balancers.TEMPLATES, settings.etc / "balancers", configuration.values_of(settings))
    written = (settings.etc / "balancers" / "balancers.conf").read_text()
    assert f"bind_port = {settings.port('octavia-heartbeats')}" in written
    assert "${" not in written
    host, api, worker, manager = balancers.services(settings)
    for service in (host, worker, manager):
        assert service.command[-1] == str(settings.etc / "balancers" / "balancers.conf")
    assert api.environment["UWSGI_PYARGV"].endswith("balancers.conf")
    assert balancers.namespace(settings) in host.command
    package = Path(api.environment["PYTHONPATH"])
    assert "haproxy_on_host" in (package / "octavia_haproxy-1.0.dist-info" / "entry_points.txt").read_text()
    assert (package / "octavia_haproxy.py").exists()
