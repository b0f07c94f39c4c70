"""What guests boot: Debian's kernel for clouds, and an initial file system of busybox, curl and an init of ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from conformance.openstack.installation import run
from conformance.openstack.settings import Settings

INIT = Path(__file__).parent / "init"
_PACKAGE = "linux-image-cloud-amd64"
_MODULES = ("virtio_pci", "virtio_net", "virtio_scsi", "virtio_blk", "sr_mod", "isofs")
_PROGRAMS = ("/usr/bin/curl",)
_FOLDERS = ("bin", "config", "dev", "etc", "proc", "root", "sys", "tmp")


def build(settings: Settings) -> tuple[Path, Path]:
    """The kernel and the initial file system, made where they are not yet or the init is another.

    Raises:
        NotInstalled: a package or a program failed; the words name the log.
    """
    folder, log = settings.state / "guests", settings.logs / "guests-image.log"
    kernel, initrd, made_of = folder / "vmlinuz", folder / "initrd", folder / "init"
    if made_of.exists() and made_of.read_text() == INIT.read_text():
        return kernel, initrd
    shutil.rmtree(folder, ignore_errors=True)
    package, root = folder / "package", folder / "root"
    package.mkdir(parents=True)
    # The name without a version only depends on the newest.
    told = subprocess.run(("apt-cache", "depends", _PACKAGE), capture_output=True, text=True, check=False).stdout
    newest = next((line.split()[-1] for line in told.splitlines() if "Depends: linux-image-" in line), _PACKAGE)
    run(("sh", "-c", f"cd {folder} && apt-get download -q {newest} && dpkg -x {newest}_*.deb package"), log)
    shutil.copy(next((package / "boot").glob("vmlinuz-*")), kernel)
    for name in _FOLDERS:
        (root / name).mkdir(parents=True)
    _modules(package, root, log)
    for program in _PROGRAMS:
        copy_program(Path(program), root)
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    shutil.copy(INIT, root / "init")
    (root / "init").chmod(0o755)
    run(("sh", "-c", f"cd {root} && find . | cpio --quiet -o -H newc | gzip -1 > {initrd}"), log)
    for done in (package, root):
        shutil.rmtree(done)
    shutil.copy(INIT, made_of)
    return kernel, initrd


def _modules(package: Path, root: Path, log: Path) -> None:
    """The modules that the init loads and those that they need, with an index for modprobe."""
    (source,) = (package / "lib" / "modules").iterdir()
    run(("depmod", "-b", str(package), source.name), log)
    needs = dict(line.split(":", 1) for line in (source / "modules.dep").read_text().splitlines())
    target = root / "lib" / "modules" / source.name
    wanted = [one for one in needs if Path(one).name.partition(".")[0] in _MODULES]
    for one in {need for each in wanted for need in (each, *needs[each].split())}:
        (target / one).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / one, target / one)
    for index in source.glob("modules.*"):
        shutil.copy(index, target / index.name)
    run(("depmod", "-b", str(root), source.name), log)


def copy_program(program: Path, root: Path) -> None:
    """A program of this machine with the libraries that it is linked to, each where it is here."""
    told = subprocess.run(("ldd", str(program)), capture_output=True, text=True, check=True).stdout
    words = (word for line in told.splitlines() for word in line.split())
    for file in (program, *(Path(word) for word in words if word.startswith("/"))):
        target = root / file.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
