"""oslo.messaging, which need not be there, and its transports: loaded where a setting names one."""

from __future__ import annotations

from typing import Any

from backend.drivers.optional import NoLibrary


class Unusable(Exception):
    """A URL is none that the library can use; the words have nothing of it."""


def library(needed_by: str) -> Any:
    """The library, with threads: its default would be eventlet, which it loads unless it is told before.

    Args:
        needed_by: the setting that asks for it.

    Raises:
        NoLibrary
    """
    try:
        from oslo_service import backend

        backend.init_backend(backend.BackendType.THREADING)  # again it does nothing
        import oslo_messaging
    except ImportError as error:
        raise NoLibrary(f"oslo.messaging is not installed, which {needed_by} needs") from error
    return oslo_messaging


def transport_of(messaging: Any, url: str, setting: str, whose: str = "it") -> Any:
    """What carries notifications by that URL. It asks nobody.

    Args:
        setting, whose: where the URL stands, and which it is there: its own words may be a piece of a password.

    Raises:
        Unusable
    """
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    try:
        return messaging.get_notification_transport(conf, url=url)
    except Exception as error:  # noqa: BLE001 - of the library, of stevedore, or of whatever driver
        why = type(error).__name__
    # Outside of the block, so that nothing that was raised there, with words of the URL, hangs on it.
    raise Unusable(f"{setting}: oslo.messaging cannot use {whose} ({why})")
