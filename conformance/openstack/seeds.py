"""What the cloud holds after its start: projects, users, flavors, images and networks, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

# `reader` below may look at what is in `demo`, and no more; `bare` has no network; `bench` is the benchmark's alone;
# those of SUITES are left to the conformance suites, which take their quotas away and give them back: one for each of the
# processes that run them side by side.
SUITES = ("acme", "umbra", "globex")
PROJECTS = ("demo", "other", "bare", "bench", *SUITES)
SERVICE_USER = "coppice"
KEY_NAME = "test-key"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICyGHVv52BGdGGedZZfGyjbNnQv7ac9uL1IgIdHoMPH1 test-key"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a role in one project. ``keys``: whether they get EC2 credentials for it."""

    name: str
    project: str
    role: str
    keys: bool = True


USERS = (
    User("demo", "demo", "member"),
    User("other", "other", "member"),
    User("reader", "demo", "reader"),
    # Its project has no network.
    User("bare", "bare", "member"),
    User("bench", "bench", "member"),
    *(User(name, name, "member") for name in SUITES),
    User("admin", "admin", "admin"),
)

# Type -> (name, name of its port, path).
CATALOG = {
    "compute": ("nova", "nova", "/v2.1"),
    "placement": ("placement", "placement", ""),
    "image": ("glance", "glance", ""),
    "network": ("neutron", "neutron", ""),
    "load-balancer": ("octavia", "octavia", ""),
}


# Types that a further region has in its catalog; it has no Octavia.
EVERYWHERE = ("compute", "placement", "image", "network")


@dataclass(frozen=True, slots=True)
class Flavor:
    """``ram`` in MiB, ``disk`` in GiB."""

    name: str
    vcpus: int
    ram: int
    disk: int


FLAVORS = (
    Flavor("t2.micro", 1, 1024, 20),
    Flavor("t3.nano", 2, 512, 20),
    Flavor("t3.micro", 2, 1024, 20),
    Flavor("t3.small", 2, 2048, 20),
    Flavor("t3.medium", 2, 4096, 20),
    Flavor("t3.large", 2, 8192, 20),
    Flavor("m5.large", 2, 8192, 20),
    Flavor("m5.xlarge", 4, 16384, 20),
    Flavor("m5.2xlarge", 8, 32768, 20),
    Flavor("c5.large", 2, 4096, 20),
    Flavor("r5.large", 2, 16384, 20),
    Flavor("m1.nano", 1, 64, 1),
    Flavor("m1.tiny", 1, 512, 1),
    Flavor("m1.small", 1, 2048, 20),
    Flavor("m1.medium", 2, 4096, 40),
    Flavor("m1.large", 4, 8192, 80),
    # More than a host has (1000 vCPUs, 800 GB): Nova finds no valid host.
    Flavor("test.vast", 2000, 2048, 8),
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image of zeros.

    Attributes:
        project: owner of a private image; None for a public one.
        min_disk: GiB.
        active: False for one that its owner deactivated.
    """

    name: str
    distribution: str
    version: str
    architecture: str = "x86_64"
    system: str = "linux"
    project: str | None = None
    min_disk: int = 0
    active: bool = True
    properties: dict[str, str] = field(default_factory=dict)


# How an operator tells whom an image is from, in AWS's words.
AMAZON = {"aws_owner_id": "137112412989", "aws_owner_alias": "amazon"}
CANONICAL = {"aws_owner_id": "099720109477"}
DEBIAN = {"aws_owner_id": "136693071363"}
WINDOWS = {"aws_owner_id": "801119661308", "aws_owner_alias": "amazon"}

IMAGES = (
    Image("cirros", "cirros", "0.6"),
    Image("ubuntu-24.04", "ubuntu", "24.04"),
    Image("al2023-ami-2023.8.20250818.0-kernel-6.1-x86_64", "amazon", "2023", properties=AMAZON),
    # No host here is of this architecture.
    Image("al2023-ami-2023.9.20251110.1-kernel-6.1-arm64", "amazon", "2023", "aarch64", properties=AMAZON),
    Image("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20251022", "ubuntu", "22.04", properties=CANONICAL),
    Image(
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251022", "ubuntu", "24.04", properties=CANONICAL
    ),
    Image(
        "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20251022",
        "ubuntu",
        "22.04",
        "aarch64",
        properties=CANONICAL,
    ),
    Image("debian-12-amd64-20251112-2294", "debian", "12", properties=DEBIAN),
    Image("amzn-ami-hvm-2018.03.0.20231218.0-x86_64-gp2", "amazon", "1", properties=AMAZON),
    Image("amzn2-ami-hvm-2.0.20251110.1-x86_64-gp2", "amazon", "2", properties=AMAZON),
    Image("amzn2-ami-hvm-2.0.20251110.1-arm64-gp2", "amazon", "2", "aarch64", properties=AMAZON),
    Image("al2023-ami-minimal-2023.9.20251110.1-kernel-6.1-x86_64", "amazon", "2023", properties=AMAZON),
    Image("Windows_Server-2022-English-Full-Base-2025.11.12", "windows", "2022", system="windows", properties=WINDOWS),
    Image("al2023-ami-2023.9.20251110.1-kernel-6.1-x86_64", "amazon", "2023", properties=AMAZON),
    Image("private-to-demo", "debian", "12", project="demo"),
    Image("deactivated", "debian", "11", active=False),
    Image("needs-100-gib", "debian", "12", min_disk=100),
)

EXTERNAL = ("public", "172.24.4.0/22")


@dataclass(frozen=True, slots=True)
class Subnet:
    """``zone``: told by the tag ``zone=NAME``, for Neutron's subnets are in no zone."""

    name: str
    cidr: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A tenant's network. ``default``: told by the tag ``default``; ``routed``: to the external network."""

    project: str
    name: str
    subnets: tuple[Subnet, ...]
    default: bool = False
    routed: bool = False


def _private(project: str, second: int) -> Network:
    """A network with a subnet for each zone, of 4091 addresses each."""
    subnets = (
        Subnet(f"private-{zone}", f"10.{second}.{third}.0/20", zone)
        for zone, third in (("az1", 0), ("az2", 16), ("az3", 32))
    )
    return Network(project, "private", tuple(subnets), default=True, routed=True)


NETWORKS = (
    _private("demo", 10),
    Network("demo", "backend", (Subnet("backend-1", "10.20.0.0/24"),)),
    # Five addresses for servers.
    Network("demo", "narrow", (Subnet("narrow-1", "10.21.0.0/29"),)),
    _private("other", 30),
    _private("bench", 40),
    Network("bench", "backend", (Subnet("backend-1", "10.50.0.0/20"),)),
    *(_private(name, 60 + 10 * number) for number, name in enumerate(SUITES)),
    *(
        Network(name, "narrow", (Subnet("narrow-1", f"10.{61 + 10 * number}.0.0/29"),))
        for number, name in enumerate(SUITES)
    ),
)


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A group of a project that lets these TCP ports in, beside the project's own ``default``."""

    project: str
    name: str
    ports: tuple[int, ...]


KEY_OWNERS = ("demo", "other", *SUITES)
SECURITY_GROUPS = tuple(SecurityGroup(project, "web", (80, 443)) for project in KEY_OWNERS)
