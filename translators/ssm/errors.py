"""Systems Manager's errors: the one table from the engine's findings to AWS's shapes and words.

Source: AWS Systems Manager API Reference; words as users quote them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from backend import errors
from backend.domain import parameters
from translators.errors import AWSError, Table, register


def validation(words: str) -> AWSError:
    """What the service itself finds wrong: as the framework's own, without its way of putting it."""
    return AWSError("ValidationException", words)


def not_found() -> AWSError:
    return AWSError("ParameterNotFound", "")


def _version(found: parameters.ParameterVersionMissing) -> AWSError:
    words = (
        f"Systems Manager could not find version {found.selector} of {found.name}. Verify the version and try again."
    )
    return AWSError("ParameterVersionNotFound", words)


_REFUSED: Final[Mapping[str, Callable[[parameters.ParameterRefused], AWSError]]] = {
    "type_changed": lambda found: AWSError(
        "HierarchyTypeMismatch",
        f"A parameter of type {found.detail} cannot be changed to or from SecureString: delete {found.name} first.",
    ),  # unsourced
    "pattern": lambda found: AWSError(
        "ParameterPatternMismatchException",
        f"Parameter value, cannot be validated against allowedPattern: {found.detail}",
    ),
    "pattern_bad": lambda found: AWSError(
        "InvalidAllowedPatternException", f"The pattern {found.detail} is no regular expression."
    ),  # unsourced
    "pattern_long": lambda _: validation(
        "AllowedPattern is not supported by Coppice where it repeats groups, or much of it could mean the same."
    ),
    "labelled": lambda found: AWSError(
        "ParameterMaxVersionLimitExceeded",
        f"You attempted to create a new version of {found.name} by calling the PutParameter API with the overwrite"
        f" flag. Version {found.detail}, the oldest version, can't be deleted because it has a label associated with"
        " it. Move the label to another version of the parameter, and try again.",
    ),
    "sealed": lambda found: AWSError("InvalidKeyId", f"Coppice cannot keep secure values here: {found.detail}."),
}

_LIMITS: Final[Mapping[str, AWSError]] = {
    "labels": AWSError(
        "ParameterVersionLabelLimitExceeded",
        "A parameter version can have maximum 10 labels. Move one or more labels to another version and try again.",
    ),
    "tags": AWSError("TooManyTagsError", ""),
}


def _limit(found: errors.LimitExceeded) -> AWSError:
    usual = AWSError(
        "ParameterLimitExceeded", "You have exceeded the number of parameters for this Amazon Web Services account."
    )
    return _LIMITS.get(found.what, usual)


def _unavailable(_: Any) -> AWSError:
    return AWSError("InternalServerError", "The service is unavailable. Please try again later.", 500)  # unsourced


TABLE: Final[Table] = {
    parameters.ParameterMissing: lambda _: not_found(),
    parameters.ParameterVersionMissing: _version,
    parameters.ParameterExists: lambda _: AWSError(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    ),
    parameters.ParameterRefused: lambda found: _REFUSED[found.why](found),
    errors.LimitExceeded: _limit,
    errors.CloudNotReached: _unavailable,
    errors.NotPermitted: lambda _: AWSError("AccessDeniedException", "The service may not act in this account.", 400),
    errors.CommitUnknown: _unavailable,
}

register("ssm", TABLE)
