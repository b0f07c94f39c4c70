from __future__ import annotations

import os
import pwd
import socket

from backend.commands.person import Person, present

SUDO = {"SUDO_USER": "ada", "SUDO_UID": "1000"}
NOBODY_S = 3_999_999_999


def test_it_is_the_user_of_the_process_whatever_the_environment_says():
    host = socket.gethostname()
    assert present(environment={"LOGNAME": "somebody", "USER": "somebody"}) == Person(
        pwd.getpwuid(os.getuid()).pw_name, os.getuid(), host
    )
    assert present(NOBODY_S, SUDO) == Person(str(NOBODY_S), NOBODY_S, host)


def test_who_became_root_is_told_as_who_it_was():
    assert present(0, SUDO) == Person("ada", 1000, socket.gethostname(), pwd.getpwuid(0).pw_name)
    for odd in ({}, {"SUDO_USER": "ada"}, {"SUDO_USER": "ada", "SUDO_UID": "-1"}):
        assert present(0, odd).number == 0
