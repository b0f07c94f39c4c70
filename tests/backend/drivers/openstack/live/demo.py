"""The projects of the test cloud in which the contracts' tests make things, and the patience that they have with it."""

from __future__ import annotations

import pytest


class InDemo:
    """Comes before a contract among the bases of a test class, and gives what it leaves open but for the cloud."""

    @pytest.fixture
    def scope(self, request):
        return request.getfixturevalue("demo_scope")

    @pytest.fixture
    def other_scope(self, request):
        return request.getfixturevalue("other_project_scope")

    @pytest.fixture
    def until(self, request):
        return request.getfixturevalue("patience")
