"""A whole Debian host in QEMU for the run, with the product installed: see support/guest.py.

    ZONED_BUILD=build-dev /usr/bin/python3 -m pytest tests/host

The guest keeps running from test to test; each test ends with all zones gone and nothing of them left. When a test
fails, the guest's journal since its beginning is part of the report.
"""

import pytest

from support import guest_image, images
from support.guest import Guest, GuestFault
from support.guest_zones import GuestZones
from support.wait import eventually

LEAKS = guest_image.AGENT.with_name("guest_leaks.py")
KEPT_IMAGES = ("busybox", "debian")


def pytest_report_header():
    return f"host: {guest_image.version()}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    guest = getattr(item, "guest", None)
    if not report.failed or guest is None:
        return
    if guest.crashed:  # seen also where the test passes when it is done again: see tools/test
        item.user_properties.append(("measured", f"{item.name}: the guest crashed"))
    report.sections.append(("the guest's console", guest.consoleTail()))
    try:
        report.sections.append(("the guest's journal", guest.journal(item.journalCursor)[-20000:]))
    except (GuestFault, AssertionError) as fault:
        report.sections.append(("the guest's journal", f"not to be had: {fault}"))


@pytest.fixture(scope="session")
def sharedGuest():
    guest = Guest({"busybox.tar": images.busybox(), "debian.tar": guest_image.zoneArchive(guest_image.SUITE)})
    try:
        guest.start()
        guest.push(LEAKS, "/usr/local/lib/zoned-test-leaks")
        for name in KEPT_IMAGES:
            guest.sh(["zonectl", "image", "import", name, f"/var/tmp/{name}.tar"], limit=300)
        yield guest
        guest.stop()
    finally:
        guest.discard()


def switchedOn(guest):
    """After a power cut, or a crash."""
    if guest.alive() and guest.crashed:
        guest.cutPower()
    elif not guest.alive():
        guest.process = None
    if guest.process is None:
        guest.start()


def clean(guest):
    """Whether all that a test has made is gone; a host that has just been booted may still be busy with it."""
    try:
        GuestZones(guest).reset(KEPT_IMAGES)
        return True
    except AssertionError:
        return False


@pytest.fixture
def guest(sharedGuest, request):
    """The host, with the images `busybox` and `debian`, zoned active and no zone. It is left so, too."""
    switchedOn(sharedGuest)
    if sharedGuest.used:  # the test before did not come to its end, as where the guest crashed and it is done again
        eventually(lambda: clean(sharedGuest), 120, "what the test before has left to go")
    sharedGuest.used = True
    request.node.guest = sharedGuest
    request.node.journalCursor = sharedGuest.journalCursor()
    yield sharedGuest
    switchedOn(sharedGuest)
    GuestZones(sharedGuest).reset(KEPT_IMAGES)
    left = GuestZones(sharedGuest).leaks()
    assert not left, f"left behind:\n{left}"
    sharedGuest.used = False


@pytest.fixture
def measured(record_property):
    """Notes a figure, which goes to the test's output and, by count_results, to that of tools/test."""
    def note(text):
        print(text)
        record_property("measured", f"{text} ({guest_image.SUITE})")
    return note


@pytest.fixture
def zones(guest):
    """The zones of the host, by zonectl."""
    return GuestZones(guest)


@pytest.fixture
def web(zones):
    """A zone that is a whole Debian, up."""
    zones.create("web", "debian")
    zones.zonectl("boot", "--wait", "web", limit=300)
    return "web"
