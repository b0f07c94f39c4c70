"""The ten steps of docs/openstack.md for an existing cloud, run as they stand: only names, ports and passwords are this cloud's."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.clients import client
from conformance.fleet import Fleet, unique
from conformance.openstack.cloud import connect, state_folder
from conformance.openstack.settings import PASSWORD, settle
from conformance.product import ROOT, access_from, free_port, until

SECTION = re.compile(r"<!-- ten steps -->\n(.*)<!-- /ten steps -->", re.DOTALL)
BLOCK = re.compile(r"^ *```bash\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def steps() -> list[str]:
    """The shell of each step."""
    found = SECTION.search((ROOT / "docs" / "openstack.md").read_text())
    assert found
    blocks = []
    for block in BLOCK.findall(found[1]):
        indent = re.match(" *", block)[0]
        blocks.append("\n".join(line.removeprefix(indent) for line in block.splitlines()))
    return blocks


MYSQL = """#!{python}
# The client's -e: the packages of the test cloud hold the server alone.
import sys, pymysql
from pymysql.constants import CLIENT
told = dict(host="127.0.0.1", port={port}, user="root", password="{password}", client_flag=CLIENT.MULTI_STATEMENTS)
pymysql.connect(**told, autocommit=True).cursor().execute(sys.argv[2])
"""


@pytest.fixture
def tools(tmp_path: Path) -> str:
    """The PATH of an operator: OpenStack's client, the aws CLI, MariaDB's client."""
    folder = tmp_path / "bin"
    folder.mkdir()
    settings = settle(state_folder(), None)
    mysql = folder / "mysql"
    mysql.write_text(MYSQL.format(python=sys.executable, port=settings.port("mariadb"), password=PASSWORD))
    mysql.chmod(0o755)
    own = str(Path(sys.executable).parent)
    return os.pathsep.join([str(folder), own, str(settings.venv / "bin"), os.environ["PATH"]])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What stands there, and what stands for it here; all that the steps make is taken away again."""
    mark = unique("ten").replace("-", "")
    settings = settle(state_folder(), None)
    yield {
        "CHANGE-ME": PASSWORD,
        "127.0.0.1:18600": f"127.0.0.1:{settings.port('keystone')}",
        "127.0.0.1:8080": f"127.0.0.1:{free_port()}",
        "@127.0.0.1/coppice": f"@127.0.0.1:{settings.port('mariadb')}/{mark}",
        "DATABASE coppice;": f"DATABASE {mark};",
        "ON coppice.*": f"ON {mark}.*",
        "USER coppice ": f"USER {mark} ",
        'TO coppice"': f'TO {mark}"',
        "//coppice:": f"//{mark}:",
        "clouds.yaml": str(tmp_path / "clouds.yaml"),
        "coppice.conf": str(tmp_path / "coppice.conf"),
        "group-name first": f"group-name {mark}",
        "template-name first": f"template-name {mark}",
        "LaunchTemplateName=first": f"LaunchTemplateName={mark}",
        "name coppice --description": f"name {mark} --description",
        "mark": mark,
    }
    with connect("admin") as admin:
        for service in admin.identity.services():
            if service.name == mark:
                admin.identity.delete_service(service)


def test_the_ten_steps(place: dict[str, str], tools: str, tmp_path: Path) -> None:
    told = steps()
    assert len(told) == 10
    mark = place.pop("mark")
    script = "\n".join(["set -euo pipefail", *told, "env > " + str(tmp_path / "env")])
    for here, there in place.items():
        assert here in script, here
        script = script.replace(here, there)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "AWS_", "COPPICE"))}
    environment |= {
        "PATH": tools,
        "OS_CLIENT_CONFIG_FILE": str(state_folder() / "clouds.yaml"),
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "10",
        "PYTHONWARNINGS": "ignore",
    }
    log = tmp_path / "log"
    with log.open("wb") as sink:
        shell = subprocess.Popen(
            ["bash", "-c", script], cwd=ROOT, env=environment, stdout=sink, stderr=sink, start_new_session=True
        )
        try:
            assert shell.wait(600) == 0, log.read_text()[-3000:]
            exported = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
            access = access_from(exported)
            fleet = Fleet(
                client(access, "autoscaling", recorded=False), client(access, "ec2", recorded=False), "", {}, ""
            )
            fleet.settle(mark, 1)
            fleet.delete(mark)
            fleet.ec2.delete_launch_template(LaunchTemplateName=mark)
            until("its server is gone", lambda: not fleet.servers(mark, "pending", "running", "shutting-down"))
            with connect("demo") as demo:
                demo.identity.delete(f"/users/{demo.current_user_id}/credentials/OS-EC2/{access.key}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
