"""What docs/ says: the site builds and nothing in it leads nowhere; settings, commands, files and `make` goals are there."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from oslo_config import cfg
from oslo_policy.policy import Enforcer

import wsgi
from backend import config
from gateway import config as gateway_config

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
SETTING = re.compile(r"`\[(?P<group>\w+)\] (?P<option>[a-z_0-9]+)")
COMMAND = re.compile(r"`coppice (?P<words>[a-z][a-z -]*)")
GOAL = re.compile(r"`make (?P<goal>[a-z-]+)")
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)[^)]*\)")
EXAMPLE = re.compile(r"^( *)```(?P<language>\w+)\n(?P<code>.*?)^\1```$", re.DOTALL | re.MULTILINE)


def _all(pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
    return [(page.name, match) for page in PAGES for match in pattern.finditer(page.read_text())]


def test_the_site_builds(tmp_path):
    # Links between pages and to their parts, pages that the site does not list: all are errors here.
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"), strict=True))
    assert (tmp_path / "site" / "clients" / "index.html").exists()


def test_settings_that_are_named_are_there():
    conf = cfg.ConfigOpts()
    config.register(conf)
    gateway_config.register(conf)
    Enforcer(conf)  # of oslo.policy: its options, too
    named = {(page, match["group"], match["option"]) for page, match in _all(SETTING)}
    assert len(named) > 50

    def known(group: str, option: str) -> bool:
        return option in conf if group == "DEFAULT" else group in conf and option in conf[group]

    # A name that ends in "_" stands for those that begin so.
    assert {one for one in named if not one[2].endswith("_") and not known(one[1], one[2])} == set()


def test_commands_that_are_named_are_there():
    known = [command.name.split() for command in wsgi.COMMANDS]
    named = {(page, match["words"].strip()) for page, match in _all(COMMAND)}
    assert len(named) > 15

    def leads(words: list[str]) -> bool:
        """Whether it is a command, or the beginning of some."""
        return any(words[: len(name)] == name[: len(words)] for name in known)

    assert {one for one in named if not leads(one[1].split(" -")[0].split())} == set()


def test_goals_that_are_named_are_there():
    goals = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {goal for line in goals for goal in line.split()}
    assert {(page, match["goal"]) for page, match in _all(GOAL) if match["goal"] not in known} == set()


def test_links_lead_to_files():
    def there(page: Path, target: str) -> bool:
        return re.match(r"https?://", target) is not None or (page.parent / target).exists()

    assert [
        (page.name, match["target"])
        for page in PAGES
        for match in LINK.finditer(page.read_text())
        if not there(page, match["target"])
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_are_well_formed(page):
    for match in EXAMPLE.finditer(page.read_text()):
        code = "\n".join(line.removeprefix(match[1]) for line in match["code"].splitlines()) + "\n"
        _read(match["language"], code)


def _read(language: str, code: str) -> None:
    match language:
        case "python":
            ast.parse(code)
        case "json":
            json.loads(code)
        case "yaml":
            list(yaml.safe_load_all(code))
        case "bash":
            subprocess.run(["bash", "-n"], input=code, text=True, check=True)
        case "console" | "hcl" | "javascript" | "java" | "go" | "ini":
            pass  # what was printed; what a test of its own reads; what is nobody's here
        case _:
            raise AssertionError(f"nobody reads examples in {language}")
