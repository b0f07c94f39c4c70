"""Writes what README and docs/ show of a running server: the tours' real output and the tables of operations.

``python -m conformance.readme`` starts a server of its own, runs the tours with the real aws CLI and rewrites the blocks.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.product import ROOT, Product, until
from conformance.support import probe, summary, table

README = ROOT / "README.md"
ACCOUNTS_PAGE = ROOT / "docs" / "accounts.md"
SUPPORT_PAGE = ROOT / "docs" / "support.md"
INSTANCES = "AutoScalingInstances[].[InstanceId,AvailabilityZone,LifecycleState,HealthStatus]"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the tour.

    Attributes:
        words: what is said before it.
        command: shell, as shown and as run.
        settled: InService instances to wait for before it is run, as a person would; None does not wait.
        told: activities that have succeeded by then.
    """

    words: str
    command: str
    settled: int | None = None
    told: int = 0


TOUR = (
    Step(
        "`make run` in one terminal; in another:",
        ". .coppice/coppice.env\n"
        "AMI=$(aws ec2 describe-images --owners amazon --query 'sort_by(Images,&CreationDate)[-1].ImageId' \\\n"
        "    --filters 'Name=name,Values=al2023-ami-2023*-x86_64' --output text)\n"
        "aws ec2 create-launch-template --launch-template-name web \\\n"
        '    --launch-template-data "{\\"ImageId\\":\\"$AMI\\",\\"InstanceType\\":\\"t3.micro\\"}" \\\n'
        "    --query LaunchTemplate.LatestVersionNumber\n"
        "aws autoscaling create-auto-scaling-group --auto-scaling-group-name web --min-size 1 --max-size 6 \\\n"
        "    --desired-capacity 3 --launch-template 'LaunchTemplateName=web,Version=$Latest' \\\n"
        "    --availability-zones us-east-1a us-east-1b us-east-1c --tags Key=team,Value=blue",
    ),
    Step(
        "Some seconds later, three servers run, one a zone:",
        f"aws autoscaling describe-auto-scaling-instances --output table \\\n    --query '{INSTANCES}'",
        settled=3,
    ),
    Step(
        "Lose one. It is noticed, told and replaced:",
        "aws ec2 terminate-instances --output text --query 'TerminatingInstances[].CurrentState.Name' --instance-ids \\\n"
        "    $(aws autoscaling describe-auto-scaling-instances --query 'AutoScalingInstances[0].InstanceId' --output text)",
        settled=3,
    ),
    Step(
        "",
        "aws autoscaling describe-scaling-activities --auto-scaling-group-name web --output text \\\n"
        "    --query 'Activities[:2].[StatusCode,Description,Cause]'",
        settled=3,
        told=5,
    ),
    Step(
        "Scale, and ask for more than is allowed:",
        "aws autoscaling set-desired-capacity --auto-scaling-group-name web --desired-capacity 5\n"
        "aws autoscaling set-desired-capacity --auto-scaling-group-name web --desired-capacity 50",
    ),
    Step(
        "Make a zone run full (the simulated cloud fails on demand) and see why the sixth server stays away from it:",
        ".venv/bin/coppice cloud capacity us-east-1c 0\n"
        "aws autoscaling set-desired-capacity --auto-scaling-group-name web --desired-capacity 6",
        settled=5,
    ),
    Step(
        "",
        "aws autoscaling describe-scaling-activities --auto-scaling-group-name web --output text \\\n"
        "    --query 'Activities[?StatusCode==`Failed`].[StatusMessage] | [0]'",
        settled=6,
    ),
    Step(
        "And away with all of it:",
        "aws autoscaling delete-auto-scaling-group --auto-scaling-group-name web --force-delete\n"
        "aws ec2 delete-launch-template --launch-template-name web --query LaunchTemplate.LaunchTemplateName",
    ),
)

ACCOUNTS = (
    Step(
        "Every region of AWS's is there, each with zones, a default VPC and instances of its own:",
        "aws ec2 describe-vpcs --region eu-central-1 --output text --query 'Vpcs[].[VpcId,CidrBlock]'",
    ),
    Step(
        "Accounts have the ids that you choose, and as many keys as you like; a server that runs knows them at once:",
        ".venv/bin/coppice account add prod --id 123456789012 --trusts default\n.venv/bin/coppice account list",
    ),
    Step(
        "They see nothing of each other. Roles of an account, by any name, can be assumed from within and from those it "
        "trusts;\nwhat `sts assume-role` and `get-session-token` give ends when it says so:",
        "export AWS_CONFIG_FILE=.coppice/aws/config AWS_SHARED_CREDENTIALS_FILE=.coppice/aws/credentials\n"
        "aws --profile prod sts get-caller-identity --query Arn\n"
        "aws --profile default sts assume-role --role-arn arn:aws:iam::123456789012:role/deploy \\\n"
        "    --role-session-name me --query AssumedRoleUser.Arn",
    ),
    Step(
        "Scripts that name an image or a type which is not there get it:",
        ".venv/bin/coppice image add ami-0abcdef1234567890 --account prod --region us-east-1 --region eu-central-1\n"
        ".venv/bin/coppice type add my.big --vcpus 3 --memory-mib 3000",
    ),
)


def block(text: str, name: str, body: str) -> str:
    """The text with the part between ``<!-- name -->`` and ``<!-- /name -->`` replaced."""
    found = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert found.search(text), f"there is no block {name}"
    return found.sub(lambda match: f"{match[1]}{body}\n{match[2]}", text)


def tour(environment: Mapping[str, str], folder: Path, steps: Sequence[Step] = TOUR) -> str:
    """The steps as Markdown: each command with what it really printed."""
    lines: list[str] = []
    for step in steps:
        if step.settled is not None:
            until(f"{step.settled} in service", lambda wanted=step: _settled(wanted, environment, folder))
        lines += [step.words, ""] if step.words else []
        said = _run(step.command, environment, folder)
        shown = "".join(f"$ {line}\n" if not continued else f"{line}\n" for line, continued in _lines(step.command))
        lines += ["```console", shown.rstrip(), *([said.rstrip()] if said.strip() else []), "```", ""]
    return "\n".join(lines).rstrip()


def _lines(command: str) -> list[tuple[str, bool]]:
    rows = command.splitlines()
    return [(row, number > 0 and rows[number - 1].endswith("\\")) for number, row in enumerate(rows)]


def _settled(step: Step, environment: Mapping[str, str], folder: Path) -> bool:
    states = _ask("describe-auto-scaling-instances", "AutoScalingInstances[].LifecycleState", environment, folder)
    told = _ask("describe-scaling-activities", "Activities[?StatusCode==`Successful`].StatusCode", environment, folder)
    return states == ["InService"] * (step.settled or 0) and len(told) >= step.told


def _ask(operation: str, query: str, environment: Mapping[str, str], folder: Path) -> list[str]:
    return _run(f"aws autoscaling {operation} --output text --query '{query}'", environment, folder).split()


def _run(command: str, environment: Mapping[str, str], folder: Path) -> str:
    script = command.replace(".venv/bin/coppice", f"{sys.executable} wsgi.py").replace(".coppice/", f"{folder}/")
    done = subprocess.run(
        ["bash", "-c", f"AMI=${{AMI-}}; {script}"],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return re.sub(r"\n{2,}", "\n", done.stdout).strip("\n").replace(str(folder.resolve()), ".coppice")


def main() -> None:
    """Rewrite the blocks."""
    folder = Path(tempfile.mkdtemp(prefix="coppice-tour-"))
    product = Product(folder / "state", arguments=())
    try:
        access = product.start()
        environment = access.environment()
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        environment["OS_DEFAULT__STATE"] = str(folder / "state")
        told = probe(access)
        for page, name, body in (
            (README, "tour", tour(environment, folder / "state")),
            (ACCOUNTS_PAGE, "accounts", tour(environment, folder / "state", ACCOUNTS)),
            (README, "support", summary(told)),
            (SUPPORT_PAGE, "support", table(told).rstrip()),
        ):
            page.write_text(block(page.read_text(), name, body))
    finally:
        product.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
