"""Who counts and compares in a transaction has that alone: by ``counting.check``, or by holding what stands here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import backend.services

HELD = {
    "events.put_targets": "the rule",
    "managed_policies.add_version": "the policy",
    "network_acls.create": "the VPC",
    "routing.create_table": "the VPC",
    "security_groups._mark": "who names groups: counting.hold",
    "target_groups.register": "the group",
    "templates._write_version": "the template",
    "topics._dismiss": "those that were ended: counting.hold",
    "parameters._drop_oldest": "the versions",
}


def test_what_is_counted_and_compared_is_held() -> None:
    assert {where for path in Path(backend.services.__file__).parent.glob("*.py") for where in _compared(path)} == {
        *HELD
    }


def _compared(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name != "work":
            compared = (each for each in ast.walk(function) if isinstance(each, ast.Compare))
            if any(_counts(each) for each in compared if not isinstance(each.comparators[-1], ast.Constant)):
                yield f"{path.stem}.{function.name}"


def _counts(compared: ast.Compare) -> bool:
    calls = (each for each in ast.walk(compared) if isinstance(each, ast.Call))
    return any(isinstance(each.func, ast.Attribute) and each.func.attr.startswith("count") for each in calls)
