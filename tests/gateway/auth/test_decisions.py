"""An external decision point: a stand-in speaks the wire of Open Policy Agent's data API."""

import contextlib
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

import pytest
from oslo_config import cfg

from gateway.auth.decisions import DecisionPoint, DecisionSettings, Undecided
from gateway.auth.policy import DryRun, PolicySettings, RolePolicy, judged, sample
from gateway.local import CannotStart
from tests.gateway.world import CALLER
from translators.errors import AWSError

ACCOUNT = "123456789012"
BLUE = replace(CALLER, project_id="blue", roles=frozenset({"member"}))
RED = replace(BLUE, project_id="red")


class Agent:
    """A decision point. ``answers``: what it says next (status and bytes); then it judges by the project: blue may."""

    def __init__(self):
        self.asked, self.answers = [], []

    def answer(self, path, body):
        self.asked.append((path, json.loads(body)["input"]))
        if self.answers:
            return self.answers.pop(0)
        return 200, json.dumps({"result": self.asked[-1][1]["target"]["project_id"] == "blue"}).encode()


@contextmanager
def running(agent):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status, said = agent.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def agent():
    return Agent()


@pytest.fixture
def url(agent):
    with running(agent) as there:
        yield there


def rules(tmp_path, text, **settings):
    (tmp_path / "policy.yaml").write_text(text)
    conf = cfg.ConfigOpts()
    conf(args=["--config-dir", str(tmp_path)])
    return RolePolicy(conf, PolicySettings(**settings))


WRITES = '"coppice:write": "role:member and opa:coppice/allow"\n'


def may(policy, caller, operation="SetDesiredCapacity"):
    try:
        policy.check(caller, ACCOUNT, "autoscaling", operation, "us-east-1")
    except AWSError:
        return False
    return True


def test_it_is_asked_with_rule_target_and_credentials(tmp_path, agent, url):
    policy = rules(tmp_path, WRITES, decisions=DecisionSettings(url))
    assert (may(policy, BLUE), may(policy, RED)) == (True, False)
    path, asked = agent.asked[0]
    assert path == "/v1/data/coppice/allow"
    assert asked["rule"] == "coppice:write"
    assert asked["target"] == {
        "project_id": "blue",
        "account_id": ACCOUNT,
        "region": "us-east-1",
        "action": "autoscaling:SetDesiredCapacity",
    }
    assert (asked["credentials"]["roles"], asked["credentials"]["user_id"]) == (["member"], BLUE.user_id)


def test_what_needs_no_decision_asks_for_none(tmp_path, agent, url):
    policy = rules(tmp_path, WRITES, decisions=DecisionSettings(url))
    assert not may(policy, replace(BLUE, roles=frozenset()))
    assert may(policy, replace(BLUE, roles=frozenset({"reader"})), "DescribeAutoScalingGroups")
    assert agent.asked == []


def test_an_answer_holds_for_a_while_for_the_same_question(agent, url):
    now = [0.0]
    point = DecisionPoint(DecisionSettings(url, kept_seconds=5), lambda: now[0])
    blue, red = ({"target": {"project_id": project}} for project in ("blue", "red"))
    assert [point.allows("a", blue), point.allows("a", blue), point.allows("a", red)] == [True, True, False]
    assert len(agent.asked) == 2
    now[0] = 5.0
    assert point.allows("a", blue)
    assert len(agent.asked) == 3


@pytest.mark.parametrize(
    "answer", [(500, b'{"result": true}'), (200, b"True"), (503, b""), (302, b""), (404, b'{"result": true}')]
)
def test_what_is_no_answer_denies_changes_and_lets_look_only_where_it_is_said(tmp_path, agent, url, answer):
    everything = '"coppice:write": "opa:a"\n"coppice:read": "opa:a"\n'
    for undecided_reads in (False, True):
        agent.answers = [answer, answer]
        policy = rules(tmp_path, everything, decisions=DecisionSettings(url), undecided_reads=undecided_reads)
        assert not may(policy, BLUE)
        assert may(policy, BLUE, "DescribeTags") is undecided_reads


@pytest.mark.parametrize("way", ["drips", "breaks off", "is mute"])
def test_a_body_that_does_not_come_decides_nothing_and_is_left_alone(way):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends = threading.Event()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    taken, _ = listening.accept()
                    with taken:
                        taken.recv(65_536)
                        if way != "is mute":
                            taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
                        while way == "drips" and not ends.wait(0.02):
                            taken.sendall(b" ")
                        if way == "is mute":
                            ends.wait(5)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            point = DecisionPoint(
                DecisionSettings(f"http://127.0.0.1:{listening.getsockname()[1]}", seconds=0.1), monotonic
            )
            for _ in range(3):
                with pytest.raises(Undecided, match="did not answer"):
                    point.allows("a", {})
            with pytest.raises(Undecided, match="lately"):
                point.allows("a", {})
        finally:
            ends.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_rule_that_breaks_on_one_question_closes_it_to_nobody_else(agent, url):
    point = DecisionPoint(DecisionSettings(url), lambda: 0.0)
    agent.answers = [(500, b"{}")] * 5
    for number in range(5):
        with pytest.raises(Undecided, match="answered 500"):
            point.allows("a", {"target": {"project_id": f"evil-{number}"}})
    assert point.allows("a", {"target": {"project_id": "blue"}})


def test_a_proxy_without_it_counts_as_its_silence(agent, url):
    point = DecisionPoint(DecisionSettings(url), lambda: 0.0)
    agent.answers = [(503, b"")] * 3
    for _ in range(3):
        with pytest.raises(Undecided, match="answered 503"):
            point.allows("a", {})
    with pytest.raises(Undecided, match="lately"):
        point.allows("a", {})


def test_rules_on_trial_close_nothing_to_those_that_hold(tmp_path, agent, url):
    other = tmp_path / "other.yaml"
    other.write_text('"coppice:write": "opa:trial"\n')
    policy = rules(tmp_path, WRITES, decisions=DecisionSettings(url), dry_run_file=str(other))
    policy._dry_run.run = lambda work: work()
    answer = agent.answer
    agent.answer = lambda path, body: (503, b"") if path.endswith("/trial") else answer(path, body)
    for number in range(5):
        assert may(policy, replace(BLUE, user_id=f"user-{number}"))


@pytest.mark.parametrize("becomes", ["", None, "]broken: [", "- a list\n"])
def test_a_file_that_is_gone_empty_or_broken_opens_nothing(tmp_path, caplog, becomes):
    policy = rules(tmp_path, '"coppice:write": "role:admin"\n')
    file = tmp_path / "policy.yaml"
    assert not may(policy, BLUE)
    file.unlink() if becomes is None else file.write_text(becomes)
    assert not may(policy, BLUE)
    assert not may(policy, BLUE)
    assert len([line for line in caplog.messages if "gone, empty or broken" in line]) == 1
    file.write_text('"coppice:write": "role:member" # now they may\n')
    assert may(policy, BLUE)


def test_comments_alone_are_a_file(tmp_path):
    policy = rules(tmp_path, '"coppice:write": "role:admin"\n')
    (tmp_path / "policy.yaml").write_text("# nothing is ruled here any more\n")
    assert may(policy, BLUE)


def test_a_file_that_was_named_has_to_be_there(tmp_path):
    conf = cfg.ConfigOpts()
    conf(args=["--config-dir", str(tmp_path)])
    with pytest.raises(CannotStart, match="no policy file"):
        RolePolicy(conf, PolicySettings(dry_run_file=str(tmp_path / "none.yaml")))
    conf.set_override("policy_file", str(tmp_path / "none.yaml"), group="oslo_policy")
    with pytest.raises(CannotStart, match="no policy file"):
        RolePolicy(conf)


@pytest.mark.parametrize("text", ["", "]broken: [", "- a list\n"])
def test_nobody_starts_by_a_file_that_cannot_be_gone_by(tmp_path, text):
    with pytest.raises(CannotStart, match=r"policy\.yaml"):
        rules(tmp_path, text)


@pytest.mark.parametrize("said", [b"{}", b'{"result": "true"}', b'{"result": 1}', b"[true]", b"true"])
def test_nothing_but_true_is_a_yes(agent, url, said):
    agent.answers = [(200, said)]
    assert DecisionPoint(DecisionSettings(url), lambda: 0.0).allows("a", {}) is False


def test_one_that_does_not_answer_is_left_alone_for_a_while(agent):
    now = [0.0]
    with running(agent) as there:
        pass  # nobody listens there any more
    point = DecisionPoint(DecisionSettings(there, rest_seconds=5), lambda: now[0])
    for _ in range(3):
        with pytest.raises(Undecided, match="did not answer:"):
            point.allows("a", {})
    with pytest.raises(Undecided, match="lately"):
        point.allows("a", {})
    now[0] = 5.0
    with pytest.raises(Undecided, match="did not answer:"):
        point.allows("a", {})
    with pytest.raises(Undecided, match="lately"):  # one question was enough to see that it is still away
        point.allows("a", {})


def test_oslo_policys_own_check_that_nobody_answers_denies(tmp_path, agent):
    with running(agent) as there:
        pass
    policy = rules(tmp_path, f'"coppice:write": "{there}/decide"\n"coppice:read": "{there}/%(no_such)s"\n')
    assert not may(policy, BLUE)
    assert not may(policy, BLUE, "DescribeTags")


def test_other_rules_are_tried_beside_those_that_hold(tmp_path, caplog):
    other = tmp_path / "other.yaml"
    other.write_text('"autoscaling:SetDesiredCapacity": "role:admin"\n')
    policy = rules(tmp_path, "# none\n", dry_run_file=str(other))
    assert isinstance(policy._dry_run, DryRun)
    policy._dry_run.run = lambda work: work()
    with caplog.at_level("INFO", "gateway.auth.policy"):
        assert may(policy, BLUE)
        assert may(policy, BLUE, "CreateOrUpdateTags")
    (line,) = caplog.messages
    assert line == (
        f"dry run: autoscaling:SetDesiredCapacity of account {ACCOUNT} by user {BLUE.user_id} (member)"
        " is allowed and would be denied"
    )


def test_the_sample_says_what_holds(tmp_path):
    text = sample([("autoscaling", "DescribeTags"), ("elbv2", "CreateRule")])
    assert '#"elasticloadbalancing:CreateRule": "rule:coppice:write"' in text
    assert '#"autoscaling:DescribeTags": "rule:coppice:read"' in text
    said = text.replace('#"', '"')
    (tmp_path / "policy.yaml").write_text(said)
    conf = cfg.ConfigOpts()
    conf(args=["--config-dir", str(tmp_path)])
    reader = replace(BLUE, roles=frozenset({"reader"}))
    asked = ("autoscaling:DescribeTags", "autoscaling:SetDesiredCapacity")
    assert [judged(conf, PolicySettings(), reader, each, "") for each in asked] == ["allowed", "denied"]
