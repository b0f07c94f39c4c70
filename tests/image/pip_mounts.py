"""pip's settings on this machine, for a build that has to install in the same way.

Writes them to the file named by the first argument and prints ``host:container:ro`` for that file and for each file
and folder that they name, one a line. They reach the build as mounts, so nothing of them is left in the image.
"""

import re
import subprocess
import sys
from pathlib import Path

EVERYWHERE = ("global", "install")


def main() -> None:
    target = Path(sys.argv[1])
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings: dict[str, str] = {}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.strip().rpartition(".")
        # A variable of the environment (":env:") stands above a file.
        if (section in EVERYWHERE and name not in settings) or section == ":env:":
            settings[name] = value.strip().strip("'\"").replace("\\n", " ")
    target.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    mounts = {f"{target}:/etc/pip.conf:ro"}
    for value in settings.values():
        for word in value.split():
            path = re.sub(r"^file://", "", word)
            if path.startswith("/") and Path(path).exists():
                mounts.add(f"{folder_to_mount(Path(path))}:{folder_to_mount(Path(path))}:ro")
    print("\n".join(sorted(mounts)))


def folder_to_mount(path: Path) -> Path:
    # An index's pages name their files by paths beside the index.
    return path.parent if path.name == "simple" else path


if __name__ == "__main__":
    main()
