"""EventBridge's errors: the one table from the engine's findings to AWS's shapes and words.

Words are the recorded ones (conformance/recorded, events) unless marked.
"""

from __future__ import annotations

import re
from typing import Any, Final

from backend import errors
from backend.domain import patterns, rules
from backend.domain.steps import TooManySteps
from translators.errors import AWSError, Table, register

DEFAULT_BUS: Final = "default"


def validation(words: str) -> AWSError:
    """What the service itself finds wrong: as the framework's own, without its way of putting it."""
    return AWSError("ValidationException", words)


_ARN: Final = re.compile(r"[\x21-\x7e]+")


def checked_arn(text: str) -> str:
    """A text that an ARN could be. Raises AWSError."""
    if not _ARN.fullmatch(text):
        raise bad_arn(text)
    return text


def bad_arn(text: str) -> AWSError:
    """Unsourced but for its beginning."""
    return validation(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")


def no_bus(name: str) -> AWSError:
    return AWSError("ResourceNotFoundException", f"Event bus {name} does not exist.")


def invalid_pattern(found: patterns.PatternRefused) -> AWSError:
    return AWSError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {found.reason}")


def _unavailable(_: Any) -> AWSError:
    return AWSError("InternalException", "The service is unavailable. Please try again later.", 500)  # unsourced


TABLE: Final[Table] = {
    rules.RuleMissing: lambda found: AWSError(
        "ResourceNotFoundException", f"Rule {found.name} does not exist on EventBus {DEFAULT_BUS}."
    ),
    rules.RuleHasTargets: lambda _: validation("Rule can't be deleted since it has targets."),
    rules.TargetRefused: lambda found: bad_arn(found.arn),
    patterns.PatternRefused: invalid_pattern,
    TooManySteps: lambda _: invalid_pattern(patterns.PatternRefused(patterns.COMPLEX)),  # unsourced
    errors.LimitExceeded: lambda _: AWSError(
        "LimitExceededException", "The requested resource exceeds the maximum number allowed."
    ),
    errors.StoreUnavailable: _unavailable,
    errors.CommitUnknown: _unavailable,
}

register("events", TABLE)
