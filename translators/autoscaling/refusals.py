"""How Auto Scaling refuses a request: the codes and manner that all its words share."""

from __future__ import annotations

from translators.errors import AWSError


def validation(message: str) -> AWSError:
    """A ValidationError of these words."""
    return AWSError("ValidationError", message)


def constraint(value: object, member: str, expectation: str) -> AWSError:
    """A member that breaks a constraint which the service checks though its model does not say so.

    Args:
        value: as AWS prints it (lists in brackets).
        member: its wire name (``maxRecords``).
        expectation: ``Member must have value less than or equal to 100``.
    """
    printed = f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else value
    return validation(
        f"1 validation error detected: Value '{printed}' at '{member}' failed to satisfy constraint: {expectation}"
    )


def unsupported(member: str, why: str = "") -> AWSError:
    """A member that Coppice knows and does not act on: refused by name, never dropped."""
    return validation(f"{member} is not supported by this service{': ' if why else ''}{why}.")  # unsourced
