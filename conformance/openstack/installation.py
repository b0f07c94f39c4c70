"""What the cloud needs from Debian and from PyPI; the latter in an environment of its own, apart from the project's."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from conformance.openstack.services import MARIADB, RABBITMQ
from conformance.openstack.settings import Settings

HERE = Path(__file__).parent
# Package -> a program or a file of it.
PACKAGES = {
    "mariadb-server-core": MARIADB,
    "rabbitmq-server": RABBITMQ,
    "memcached": "memcached",
    "openssl": "openssl",
}
# Of a service that only some commands start.
PEER_PACKAGES = {
    "zaqar": {"redis-server": "redis-server"},
    "balancers": {"haproxy": "haproxy", "iproute2": "ip"},
    "guests": {
        "qemu-system-x86": "qemu-system-x86_64",
        "libvirt-daemon": "/usr/sbin/libvirtd",
        "libvirt-daemon-driver-qemu": "virt-qemu-run",
        "genisoimage": "genisoimage",
        "haproxy": "/usr/sbin/haproxy",
        "busybox-static": "/usr/share/doc/busybox-static",
        "curl": "curl",
        "cpio": "cpio",
        "kmod": "/sbin/depmod",
        # For libvirt's bindings, which are compiled.
        "libvirt-dev": "/usr/include/libvirt/libvirt.h",
        "pkg-config": "pkg-config",
        "gcc": "gcc",
    },
}
_POLICY = Path("/usr/sbin/policy-rc.d")
_DISTRIBUTED = "/usr/bin/python3"
"""Debian's is built with profiles and link-time optimization: the services take a tenth to a quarter less of a
processor than with a Python that was compiled without, as version managers do."""
_SELDOM = "import gc; gc.set_threshold(50_000, 20, 100)\n"
"""In the services' environment: what they compute is not to be looking for garbage, of which they hardly make any."""
_FITS = "import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != {version})"


class NotInstalled(Exception):
    """A package cannot be had; the words say which and why."""


def install_debian(settings: Settings, packages: Mapping[str, str] | None = None) -> bool:
    """Install the packages that are missing; whether there was one.

    Args:
        packages: package -> a program or a file of it; by default those of the cloud itself.

    Raises:
        NotInstalled: it takes root and apt-get, or apt-get failed.
    """
    wanted = PACKAGES if packages is None else packages
    missing = [name for name, sign in wanted.items() if shutil.which(sign) is None and not Path(sign).exists()]
    if not missing:
        return False
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotInstalled(
            f"missing: {', '.join(missing)}. Only root on Debian or Ubuntu can have them installed here."
        )
    log = settings.logs / "apt.log"
    with _nothing_started():
        run(("apt-get", "update", "-q"), log)
        run(
            ("apt-get", "install", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", *missing),
            log,
        )
    return True


@contextlib.contextmanager
def _nothing_started() -> Iterator[None]:
    """Keep Debian from starting the servers it installs: the cloud has its own, on its own ports."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def outdated(settings: Settings) -> bool:
    """Whether the services' environment is of another list of packages than today's."""
    stamp = settings.venv / "installed"
    return stamp.exists() and stamp.read_text() != _digest()


def install_python(settings: Settings) -> bool:
    """Make the services' environment; whether there was anything to do. It is made anew when its list has changed.

    Raises:
        NotInstalled: see the log it names.
    """
    stamp = settings.venv / "installed"
    wanted = _digest()
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    log = settings.logs / "pip.log"
    requirements = ("-r", str(HERE / "requirements.txt"), str(_driver_source(settings)))
    python = _environment(settings.venv, requirements, log)
    library = next((settings.venv / "lib").glob("python3*/site-packages"))
    (library / "seldom.pth").write_text(_SELDOM)
    # Several processes of each service start at once: let them not all compile the same.
    run((python, "-m", "compileall", "-q", "-j", "0", "-x", r"/tests?/|/locale/", str(library)), log, check=False)
    stamp.write_text(wanted)
    return True


def install_peer(settings: Settings, name: str) -> bool:
    """Install what a service needs that is no part of the cloud itself; whether there was anything to do in Python.

    Raises:
        NotInstalled: see the log it names.
    """
    install_debian(settings, PEER_PACKAGES.get(name, {}))
    venv, file = settings.peer_venv(name), HERE / f"requirements-{name}.txt"
    stamp = venv / "installed"
    if stamp.exists() and stamp.read_text() == file.read_text():
        return False
    _environment(venv, ("-r", str(file)), settings.logs / f"pip-{name}.log")
    stamp.write_text(file.read_text())
    return True


def _environment(venv: Path, requirements: Sequence[str], log: Path) -> str:
    """Make a virtual environment of these; its interpreter."""
    python = str(venv / "bin" / "python")
    run((interpreter(), "-m", "venv", "--clear", str(venv)), log)
    run((python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"), log)
    try:
        run((str(venv / "bin" / "uv"), "pip", "install", "--python", python, *requirements), log)
    except NotInstalled:
        # Slower, but it knows pip's own settings: proxies, mirrors, certificates.
        run((python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements), log)
    return python


def interpreter() -> str:
    """The distribution's Python where it is of our version and can make environments; else the one that runs this."""
    version = sys.version_info[:2]
    with contextlib.suppress(OSError):
        asked = (_DISTRIBUTED, "-c", _FITS.format(version=version))
        if subprocess.run(asked, capture_output=True, check=False, env={}).returncode == 0:
            return _DISTRIBUTED
    return sys.executable


def _driver_source(settings: Settings) -> Path:
    """A copy of Neutron's mechanism driver: what is built from a folder leaves its traces there."""
    copy = settings.state / "src" / "ml2_agentless"
    shutil.copytree(HERE / "ml2_agentless", copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def _digest() -> str:
    files = (HERE / "requirements.txt", *sorted((HERE / "ml2_agentless").glob("*.*")))
    parts = [sys.version.encode(), _SELDOM.encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def run(command: Sequence[str], log: Path, *, check: bool = True) -> None:
    """Run a step, its output to the end of a log. Raises NotInstalled with its last lines where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An environment that we run in is not the one that is meant.
    environment.pop("VIRTUAL_ENV", None)
    with log.open("ab") as sink:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=False)
    if check and done.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()[-15:]
        raise NotInstalled("\n".join([f"`{' '.join(command)}` failed; the end of {log}:", *lines]))
