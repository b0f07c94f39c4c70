"""Settings as a file of theirs says them."""

from __future__ import annotations

from pathlib import Path

from oslo_config import cfg

from backend import config
from backend.config import BackendSettings


def configured(folder: Path, text: str) -> BackendSettings:
    """What a file comes to, beside a state folder and nothing else.

    Raises:
        ConfigSourceValueError, ConfigFileValueError: as for any file.
    """
    file = folder / "coppice.conf"
    file.write_text(f"[DEFAULT]\nstate = {folder}\n{text}")
    conf = cfg.ConfigOpts()
    config.register(conf)
    conf(args=[], project="coppice", default_config_files=[str(file)])
    return config.settings_of(conf)
