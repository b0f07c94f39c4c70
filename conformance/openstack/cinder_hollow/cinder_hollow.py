"""A Cinder driver whose volumes hold nothing: they are records of the size that was asked for."""

from __future__ import annotations

from typing import Any

from cinder import interface
from cinder.volume import driver


@interface.volumedriver
class HollowDriver(driver.VolumeDriver):  # type: ignore[misc]
    """All that Cinder asks for is done at once, and there is no end of room."""

    VERSION = "1"
    CI_WIKI_NAME = "none"

    def check_for_setup_error(self) -> None:
        """Nothing is needed."""

    def _update_volume_stats(self) -> None:
        self._stats = {
            "volume_backend_name": "hollow",
            "vendor_name": "Coppice",
            "driver_version": self.VERSION,
            "storage_protocol": "iSCSI",
            "total_capacity_gb": "infinite",
            "free_capacity_gb": "infinite",
        }

    def _done(self, *_given: Any, **_named: Any) -> None:
        """Nothing is to be done."""

    create_volume = delete_volume = extend_volume = _done
    create_volume_from_snapshot = create_cloned_volume = _done
    create_snapshot = delete_snapshot = _done
    ensure_export = create_export = remove_export = terminate_connection = _done
    copy_image_to_volume = copy_volume_to_image = _done

    def clone_image(self, *_given: Any) -> tuple[dict[str, Any], bool]:
        """A volume of an image is as hollow as any other: nothing is fetched."""
        return {}, True

    def initialize_connection(self, volume: Any, connector: Any) -> dict[str, Any]:
        """What a host that has no disks needs to know."""
        del volume, connector
        return {"driver_volume_type": "fake", "data": {"access_mode": "rw"}}
