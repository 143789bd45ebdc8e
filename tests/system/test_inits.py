"""An init is known for what it is, however it is named and started, and so asked to stop in its own way."""

from pathlib import Path

import pytest

from support import images
from support.wait import eventually


@pytest.mark.parametrize("init", ['["/bin/busybox", "init"]', '["/sbin/init"]', '["/init"]', "busybox"])
def test_an_init_that_is_named_is_known_for_what_it_is(host, init):
    """A copy, a link, or a program with arguments: asked to stop as that kind is, and not killed."""
    def add(tar):
        if init != "busybox":
            tar.link("sbin/init", "../bin/busybox")
        tar.file("init", Path("/bin/busybox").read_bytes(), 0o755)
    image = host.image("named", images.busybox(extra=add, without=("sbin/init",)))
    zone = host.zone("z1", image=image, init=init, boot=True, **{"stop-timeout": "20s"})
    assert zone.get("InitKind") == "busybox"
    eventually(lambda: zone.exec("test", "-e", "/run/started", check=False).returncode == 0)
    zone.shutdown()
    assert "killed" not in zone.reason and zone.upper("var/log/stops").read_text() == "stopped-in-order\n"


def test_a_program_that_is_no_init_is_none(host):
    zone = host.zone("z1", init='["/bin/sh", "-c", "exec sleep 1000"]', boot=True)
    assert zone.get("InitKind") == "custom"


def test_an_init_that_the_image_lacks_is_named(host):
    host.zone("z1", image=host.image("none", images.busybox(without=("sbin/init",))), init="systemd")
    host.refused("boot", "z1", says="systemd")
