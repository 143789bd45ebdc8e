"""Images: what is taken in whole, what is refused whole, and that nothing is left of the latter."""

import gzip
import lzma
import os
import signal
import stat
import subprocess

import pytest

from support import hostile_archives, images
from support.bus import IMAGE, imagePath
from support.wait import eventually


def imageFolder(host):
    return host.root / "var/lib/zoned/images"


def leftovers(host):
    return sorted(entry.name for entry in imageFolder(host).iterdir() if entry.name not in host.images())


def archiveFile(host, data, name="archive.tar"):
    path = host.base / name
    path.write_bytes(data)
    return path


PACKED = {"tar": lambda data: data, "tar.gz": gzip.compress, "tar.xz": lambda data: lzma.compress(data, preset=0),
          "tar.zst": lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True,
                                                 check=True).stdout}


@pytest.mark.parametrize("kind", PACKED)
def test_archives_of_every_packing_are_imported(host, kind):
    file = archiveFile(host, PACKED[kind](images.busybox()), f"archive.{kind}")
    host.zonectl("image", "import", "new", file)
    row = next(row for row in host.bus.manager("ListImages") if row[0] == "new")
    assert row[1] == f"archive.{kind}" and row[2] == "BusyBox for tests" and row[3] > 1_000_000
    assert host.zone("z1", image="new", boot=True).sh("cat /etc/marker") == "from the image"


def test_an_archive_can_come_from_a_pipe(host):
    host.zonectl("image", "import", "new", "-", input=images.busybox(), text=False)
    assert host.imageExists("new")


def test_owners_modes_and_attributes_are_kept(host):
    def add(tar):
        tar.file("srv/owned", "x", 0o640, 1000, 100)
        tar.file("srv/setuid", "x", 0o4755)
        # VFS_CAP_REVISION_2, CAP_NET_BIND_SERVICE
        capability = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        tar.file("srv/capable", "x", 0o755, pax={"SCHILY.xattr.security.capability":
                                                 capability.decode("latin-1")})
    host.image("new", images.busybox(extra=add))
    zone = host.zone("z1", image="new", boot=True)
    assert zone.sh("stat -c '%u %g %a' /srv/owned") == "1000 100 640"
    assert zone.sh("stat -c '%u %a' /srv/setuid") == "0 4755"
    root = imageFolder(host) / "new/rootfs"
    assert (root / "srv/owned").stat().st_uid == 1000
    assert imageFolder(host).stat().st_mode & 0o077 == 0 or (imageFolder(host) / "new").stat().st_mode & 0o077 == 0


def test_device_nodes_are_stripped(host):
    def add(tar):
        tar.device("dev/sda", 8, 0, block=True).device("srv/mem", 1, 1).device("dev/null", 1, 3)
    host.image("new", images.busybox(extra=add))
    root = imageFolder(host) / "new/rootfs"
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            assert not stat.S_ISCHR(mode) and not stat.S_ISBLK(mode), name
    assert host.zone("z1", image="new", boot=True).exec("ls", "/srv/mem", check=False).returncode != 0


HOSTILE = dict(hostile_archives.hostile_archives())


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_a_hostile_archive_is_refused_whole(host, kind):  # threats 58, 62
    end = host.importImage("bad", HOSTILE[kind])
    assert end.result == "failed" and end.errorName == "BadArchive", end
    assert end.message and "\x1b" not in end.message
    assert host.images() == ["busybox"]
    assert eventually(lambda: leftovers(host) == [], what="the refused image to be removed")
    for place in (host.root, host.root / "var/lib/zoned", imageFolder(host), host.base, "/", "/tmp", "/etc"):
        assert not os.path.lexists(os.path.join(place, "escaped")), place


def test_the_same_archive_without_the_wrong_is_taken(host):
    for name, data in (("good", hostile_archives.harmless_archive()),
                       ("header", hostile_archives.global_path_archive()),
                       ("devices", hostile_archives.devices_archive())):
        end = host.importImage(name, data)
        assert end.result == "done", (name, end)


def test_an_archive_cut_at_any_place_is_refused(host):
    for size, data in hostile_archives.truncated(hostile_archives.harmless_archive()):
        end = host.importImage("cut", data)
        assert end.errorName == "BadArchive", (size, end)
    packed = gzip.compress(images.busybox())
    for size, data in hostile_archives.truncated(packed, len(packed) // 7):
        end = host.importImage("cut", data)
        assert end.errorName == "BadArchive", (size, end)
    assert host.images() == ["busybox"]


def test_refusals_are_told_by_zonectl(host):
    file = archiveFile(host, HOSTILE["dotdot"])
    host.refused("image", "import", "bad", file, status=(1,), says=("bad", "../escaped"))
    host.refused("image", "import", "bad", host.base / "nosuch.tar", says="nosuch.tar")
    host.refused("image", "import", "../bad", file, says="../bad")
    host.refused("image", "import", "busybox", archiveFile(host, images.busybox()), says="busybox")
    assert host.images() == ["busybox"]


def test_an_archive_that_is_larger_than_allowed_is_refused(makeHost):
    host = makeHost(settings={"images": {"max-bytes": "4M", "max-entries": 1000}}).start()
    end = host.importImage("big", b"".join(hostile_archives.large_file(64 << 20)))
    assert end.result == "failed" and end.message, end
    end = host.importImage("many", b"".join(hostile_archives.many_entries(2000)))
    assert end.result == "failed" and end.message, end
    assert host.images() == []
    eventually(lambda: leftovers(host) == [])


def test_an_image_in_use_is_not_deleted(host):
    host.zone("z1")
    host.refused("image", "delete", "--force", "busybox", status=(1,), says=("busybox", "z1"))
    assert host.imageExists("busybox")


def test_the_list_of_images_tells_their_system_and_use(host):
    host.zone("z1")
    listed = host.zonectl("image", "list").stdout
    assert "busybox" in listed and "BusyBox for tests" in listed and "z1" in listed
    shown = host.zonectl("image", "show", "busybox").stdout
    assert "BusyBox for tests" in shown and "z1" in shown
    host.refused("image", "show", "nosuch", status=(1,), says="nosuch")
    host.refused("image", "delete", "--force", "nosuch", status=(1,), says="nosuch")


def test_what_an_image_says_of_itself_is_cleaned(host):
    release = 'PRETTY_NAME="evil\x1b[2J\x07name"\n'

    def add(tar):
        tar.file("usr/lib/os-release", release).file("etc/os-release", release)
    host.image("evil", images.busybox(extra=add))
    assert "\x1b" not in host.bus.get(imagePath("evil"), IMAGE, "OsName")
    assert "\x1b" not in host.zonectl("image", "list").stdout


def test_an_os_release_that_links_to_the_host_is_not_read(host):
    secret = host.base / "secret"
    secret.write_text('PRETTY_NAME="a secret of the host"\n')

    def add(tar):
        tar.folder("usr/lib").link("usr/lib/os-release", str(secret))
    host.image("sly", images.busybox(extra=add))
    assert "secret" not in host.bus.get(imagePath("sly"), IMAGE, "OsName")


def test_an_interrupted_import_leaves_nothing(host):
    reader, writer = os.pipe()
    client = host.popen("image", "import", "new", "-", stdin=reader)
    os.close(reader)
    os.write(writer, images.busybox()[:60_000])
    eventually(lambda: host.bus.manager("ListJobs"))
    client.send_signal(signal.SIGINT)
    assert client.wait(30) != 0
    os.close(writer)
    eventually(lambda: not host.bus.manager("ListJobs"))
    assert host.images() == ["busybox"]
    eventually(lambda: leftovers(host) == [])


@pytest.mark.outside
def test_an_interrupted_build_leaves_nothing(host):
    client = host.popen("image", "build", "new", "--suite", "bookworm", stdin=subprocess.DEVNULL)
    eventually(lambda: [pid for pid in host.processes() if pid != host.process.pid], 30, "a worker")
    client.send_signal(signal.SIGINT)
    assert client.wait(60) != 0
    eventually(lambda: not host.bus.manager("ListJobs"), 60)
    assert host.images() == ["busybox"]
    eventually(lambda: leftovers(host) == [], 30)


@pytest.mark.outside
def test_an_unknown_suite_is_told(host):
    host.refused("image", "build", "new", "--suite", "nosuchsuite", status=(1,), says="nosuchsuite", timeout=300)
    assert host.images() == ["busybox"]
    eventually(lambda: leftovers(host) == [], 30)


def test_the_worker_has_no_power_over_the_host_while_it_unpacks(host):
    """Extraction runs without privilege: a worker held in the middle of an archive has no host capability."""
    reader, writer = os.pipe()
    client = host.popen("image", "import", "new", "-", stdin=reader)
    os.close(reader)
    os.write(writer, images.busybox()[:60_000])

    def unpacking():
        found = []
        for pid in host.processes():
            if pid in (host.process.pid, client.pid):
                continue
            status = open(f"/proc/{pid}/status", encoding="ascii", errors="replace").read()
            namespace = os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")
            effective = int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1], 16)
            found.append(namespace or effective == 0)
        return any(found)
    try:
        eventually(unpacking, what="a worker without capabilities over the host")
    finally:
        client.send_signal(signal.SIGINT)
        client.wait(30)
        os.close(writer)


@pytest.mark.debian
def test_a_debian_image_holds_what_it_should(debianHost):
    name = images.debian(debianHost)
    root = imageFolder(debianHost) / name / "rootfs"
    assert (root / "usr/lib/systemd/systemd").exists()
    assert not [path for path in (root / "dev").rglob("*") if stat.S_ISCHR(path.lstat().st_mode)]
    assert not (root / "etc/machine-id").exists() or (root / "etc/machine-id").read_text().strip() in (
        "", "uninitialized")
