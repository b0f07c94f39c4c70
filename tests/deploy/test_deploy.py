"""What deploy/ holds is read by the tools that it is for, and names nothing that is not there."""

import json
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from prometheus_client import CollectorRegistry

import gateway.audit
import gateway.auth.policy
from backend.measures import PrometheusMeasures
from gateway.request_log import RequestLog
from tests.databases.start import installed

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SUFFIXES = re.compile(r"_(total|bucket|sum|count|created)$")


def _ran(*command, folder=None):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def promtool():
    return str(installed("prometheus", "promtool", lambda: [Path("/usr/bin")]) / "promtool")


def _metrics():
    """Names of the families that engines and gateways tell."""
    registry = CollectorRegistry()
    RequestLog(registry=registry)
    PrometheusMeasures(registry)
    own = [gateway.audit._LOST, gateway.auth.policy._UNDECIDED, gateway.auth.policy._TRIED]
    return {family.name for source in (registry, *own) for family in source.collect()}


def _named(expression):
    return {SUFFIXES.sub("", name) for name in re.findall(r"\bcoppice_\w+", expression)}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_are_sound(unit, tmp_path):
    program = installed("systemd", "systemd-analyze", lambda: [Path("/usr/bin")]) / "systemd-analyze"
    python = re.compile(r"^ExecStart=/opt/coppice/.venv/bin/python /opt/coppice/wsgi.py (\w+)", re.MULTILINE)
    text = unit.read_text()
    (command,) = python.findall(text)
    assert command in {"serve", "engine", "listen", "metadata"}
    here = tmp_path / unit.name.replace("@.", "@1.")
    here.write_text(python.sub("ExecStart=/bin/true", text).replace("=coppice\n", "=root\n"))
    done = _ran(str(program), "verify", "--man=no", str(here))
    # It names unknown keys and ends well.
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.stem.split("@")[0] in line]) == (0, [])


def test_units_keep_state_where_they_may_write_and_reload_what_reads_its_settings_again():
    texts = {unit.stem: unit.read_text() for unit in UNITS}
    assert all("\nEnvironment=OS_DEFAULT__STATE=/var/lib/coppice\n" in text for text in texts.values())
    assert all("\nStateDirectory=coppice\n" in text for text in texts.values())
    reloaded = {name for name, text in texts.items() if "\nExecReload=/bin/kill -HUP $MAINPID\n" in text}
    assert reloaded == {"coppice-engine@", "coppice-gateway", "coppice-metadata"}


def test_metrics_of_gateways_and_engines_are_served_where_prometheus_is_led():
    documents = [one for file in MANIFESTS for one in yaml.safe_load_all(file.read_text())]
    templates = [one["spec"]["template"] for one in documents if one["kind"] == "Deployment"]
    assert len(templates) == 2
    for template in templates:
        port = template["metadata"]["annotations"]["prometheus.io/port"]
        (container,) = template["spec"]["containers"]
        assert {"name": "metrics", "containerPort": int(port)} in container["ports"]
        told = {each["name"]: each["value"] for each in container["env"]}
        assert told.get("OS_ENGINE__METRICS_PORT") == port or told["OS_GATEWAY__OPERATOR_BIND"] == f"0.0.0.0:{port}"


@pytest.mark.parametrize(
    "file", [each for each in MANIFESTS if each.name != "kustomization.yaml"], ids=lambda f: f.stem
)
def test_manifests_are_of_kubernetes_schema(file):
    documents = list(yaml.safe_load_all(file.read_text()))
    assert documents
    for document in documents:
        kubernetes_validate.validate(document, "1.31", strict=True)


def test_the_kustomization_lists_every_manifest():
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == [each.name for each in MANIFESTS if each.name != "kustomization.yaml"]


def test_budgets_and_services_select_what_is_there():
    documents = [one for file in MANIFESTS for one in yaml.safe_load_all(file.read_text())]
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in documents if one["kind"] in {"Deployment", "Job"}]
    selectors = [
        one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
        for one in documents
        if one["kind"] in {"Service", "PodDisruptionBudget", "Deployment"}
    ]
    assert len(selectors) == 5
    assert all(any(selector.items() <= pod.items() for pod in pods) for selector in selectors)


def test_compose_names_what_is_there():
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = told["services"]
    for service in services.values():
        assert service.get("depends_on", {}).keys() <= services.keys()
        for volume in service.get("volumes", []):
            name = volume.partition(":")[0]
            assert name.startswith("./") or name in told["volumes"]
    commands = {service["command"][1] for service in services.values() if "command" in service}
    assert commands == {"migrate", "serve", "engine"}


def test_alert_rules_are_prometheus_and_do_what_they_say(promtool):
    folder = DEPLOY / "prometheus"
    for done in (
        _ran(promtool, "check", "rules", "alerts.yaml", folder=folder),
        _ran(promtool, "test", "rules", "alerts_test.yaml", folder=folder),
    ):
        assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_and_panels_ask_for_metrics_that_there_are():
    there = _metrics()
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    board = json.loads((DEPLOY / "grafana" / "coppice.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(asked) > 25
    assert set().union(*map(_named, asked)) - there == set()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
