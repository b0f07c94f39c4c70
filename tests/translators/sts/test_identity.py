from __future__ import annotations

import re

from tests.factories import OTHER, World
from tests.translators.ec2.wire import Asking


def test_the_caller_is_a_user_of_the_account() -> None:
    world = World()
    told = Asking(world, "sts")("GetCallerIdentity")
    assert re.fullmatch(r"[0-9]{12}", told["Account"])
    assert told["Arn"] == f"arn:aws:iam::{told['Account']}:user/demo"
    assert re.fullmatch(r"AIDA[A-Z2-7]{17}", told["UserId"])
    assert Asking(world, "sts")("GetCallerIdentity") == told
    assert Asking(world, "sts", OTHER)("GetCallerIdentity")["Account"] != told["Account"]
    world.close()
