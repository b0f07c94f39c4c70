"""Settings of keys and of what they seal, read by oslo.config; a part of those of ``backend.config``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from oslo_config import cfg

LOCAL: Final = "local"

OPTIONS: Final[dict[str, Sequence[Any]]] = {
    "secrets": (
        cfg.ListOpt(
            "key",
            default=[],
            secret=True,
            help="Keys that seal secrets in the database (coppice key makes one). The first seals, all of them open.",
        ),
        cfg.StrOpt(
            "key_file",
            default="",
            help="File of such keys, one a line, in the place of key (empty: secrets.key in the state, if there).",
        ),
        cfg.StrOpt(
            "manager",
            default=LOCAL,
            choices=(LOCAL, "barbican", "vault"),
            help="Who keeps the keys: these settings alone, or a key manager that castellan knows.",
        ),
        cfg.ListOpt(
            "references",
            default=[],
            help="Ids of the keys there (coppice key --store makes one). The first seals; local: those of key or"
            " key_file at this place, which come last otherwise.",
        ),
        cfg.FloatOpt(
            "manager_seconds",
            default=5.0,
            min=0.5,
            max=60.0,
            help="How long it may take for one request; for a look at all keys six times that.",
        ),
        cfg.FloatOpt(
            "look_seconds",
            default=60.0,
            min=1.0,
            help="How often processes read keys and references again; SIGHUP does it at once.",
        ),
        cfg.StrOpt(
            "launch_data",
            default="clear",
            choices=("clear", "sealed"),
            help="Launch configurations and versions of launch templates, user data among them: in the clear in the"
            " database, or sealed as well, which older versions cannot read.",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class SecretSettings:
    """Which keys there are, and where.

    Attributes:
        keys: themselves.
        key_file: the file that holds them; empty: that of the state folder.
        manager: ``local``, ``barbican`` or ``vault``.
        references: of those that the manager keeps.
        manager_seconds: for one request to it.
        look_seconds: between two looks for others.
        seals_launch_data: whether what is launched lies sealed, too.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    key_file: str = ""
    manager: str = LOCAL
    references: tuple[str, ...] = ()
    manager_seconds: float = 5.0
    look_seconds: float = 60.0
    seals_launch_data: bool = False


def secrets(conf: cfg.ConfigOpts) -> SecretSettings:
    """The values of a parsed configuration. Raises ConfigSourceValueError where there is no manager of references."""
    group = conf.secrets
    references = tuple(dict.fromkeys(group.references))
    if group.manager == LOCAL and set(references) - {LOCAL}:
        raise cfg.ConfigSourceValueError("[secrets] references names keys of a manager, and manager is local")
    return SecretSettings(
        keys=tuple(group.key),
        key_file=group.key_file,
        manager=group.manager,
        references=references,
        manager_seconds=group.manager_seconds,
        look_seconds=group.look_seconds,
        seals_launch_data=group.launch_data == "sealed",
    )
