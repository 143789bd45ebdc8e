"""Fixtures for the bus and system suites. Run as root: /usr/bin/python3 -m pytest tests/bus tests/system"""

import os
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import pytest  # noqa: E402

from support import images  # noqa: E402
from support.apart import moveApart  # noqa: E402
from support.host import BUILD, Host  # noqa: E402
from support.leaks import Watch  # noqa: E402
from support.zone import Zone  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--part", metavar="K/N", help="run only the K-th of N parts of the tests")


def pytest_collection_modifyitems(config, items):
    """Parts are made by the tests' names: another test moves none from one part to another."""
    if config.option.part:
        part, parts = map(int, config.option.part.split("/"))
        left = [item for item in items if zlib.crc32(item.nodeid.encode()) % parts != part - 1]
        items[:] = [item for item in items if item not in set(left)]
        config.hook.pytest_deselected(items=left)


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("these suites make real zones: run them as root", 2)
    if not (BUILD / "zoned/zoned").exists():
        pytest.exit(f"no zoned in {BUILD}: build first (ZONED_BUILD names the build folder)", 2)
    # one of several processes that share the tests (python3-pytest-xdist, -n)
    if "PYTEST_XDIST_WORKER" in os.environ:
        moveApart()
        if session.config.option.basetemp:  # which was below the other /tmp
            Path(session.config.option.basetemp).mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session")
def sharedHost():
    """One zoned for the whole run; `host` gives it to a test and cleans up after it."""
    host = Host().start()
    host.busybox()
    yield host
    problems = host.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def host(sharedHost, request):
    """A zoned with image `busybox`. Afterwards what the test made is deleted, and nothing may be left."""
    if not sharedHost.alive():
        sharedHost.reset()
    watch = Watch(sharedHost)
    yield sharedHost
    problems = sharedHost.reset()
    assert not problems, "the test's zones could not be deleted:\n" + "\n".join(problems)
    if not request.node.get_closest_marker("keeps_no_watch"):
        watch.check()


@pytest.fixture
def makeHost():
    """Further hosts, with settings of their own."""
    made = []

    def make(**more):
        made.append(Host(**more))
        return made[-1]

    yield make
    problems = [problem for host in made for problem in host.close()]
    assert not problems, "\n".join(problems)


@pytest.fixture
def zone(host):
    """A BusyBox zone that runs."""
    return host.zone("z1", boot=True)


@pytest.fixture(scope="session")
def sharedDebianHost():
    """A zoned for the Debian zones, which are kept for the whole run: installing them takes its time. Its umask is that
    of zoned's unit, and none of a zone's."""
    host = Host().start(wrapper=("sh", "-c", 'umask 077; exec "$@"', "-"))
    yield host
    problems = host.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def debianHost(sharedDebianHost):
    watch = Watch(sharedDebianHost)
    yield sharedDebianHost
    problems = sharedDebianHost.reset()
    assert not problems, "\n".join(problems)
    watch.check()


def runningDebian(host, suite, init):
    name = f"{suite}-{init}"
    if name not in host.zones():
        host.zone(name, images.debian(host, suite, init))
        host.keptZones.add(name)
    zone = Zone(host, name)
    if zone.state != "running":
        zone.boot()
    return zone.untilBooted()


@pytest.fixture
def bookworm(debianHost):
    """The Debian bookworm zone with systemd, booted."""
    return runningDebian(debianHost, "bookworm", "systemd")


@pytest.fixture
def trixie(debianHost):
    return runningDebian(debianHost, "trixie", "systemd")


@pytest.fixture
def sysvinit(debianHost):
    return runningDebian(debianHost, "bookworm", "sysvinit")


@pytest.fixture
def openrc(debianHost):
    return runningDebian(debianHost, "bookworm", "openrc")
