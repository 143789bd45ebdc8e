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


REPLACING = {name: (data, made) for name, data, made in hostile_archives.replacing_archives()}


@pytest.mark.parametrize("kind", sorted(REPLACING))
def test_a_later_entry_replaces_an_earlier_one_and_nothing_behind_it(host, kind):
    data, made = REPLACING[kind]
    end = host.importImage("new", data)
    assert end.result == "done", end
    mode = (imageFolder(host) / "new/rootfs/x").lstat().st_mode
    assert {"file": stat.S_ISREG, "link": stat.S_ISLNK, "folder": stat.S_ISDIR}[made](mode)
    for place in (host.base, "/", "/tmp", "/etc"):
        assert not os.path.lexists(os.path.join(place, "escaped")), place


def test_entries_below_links_inside_the_archive_land_where_these_lead(host):
    def add(tar):
        tar.folder("usr/lib").folder("usr/share").link("lib", "usr/lib").link("usr/lib64", "../lib")
        tar.file("lib/a", "by a link\n").file("usr/lib64/sub/b", "by two\n").folder("lib/c", 0o1777)
        tar.hardlink("usr/share/a", "lib/a").hardlink("lib/again", "usr/lib64/sub/b")
    host.image("new", images.busybox(extra=add))
    zone = host.zone("z1", image="new", boot=True)
    assert zone.sh("cd /usr/lib; cat a sub/b again /usr/share/a; stat -c %a c; stat -c %h a again") == (
        "by a link\nby two\nby two\nby a link\n1777\n2\n2")


def notes(host, name):
    return " ".join(host.bus.get(imagePath(name), IMAGE, "Notes"))


def test_access_lists_are_kept_and_widen_nothing(host):
    named = {"SCHILY.acl.access": "user::rw-,user:user:r--,group::---,mask::rw-,other::---"}
    default = {"SCHILY.acl.default": "user::rwx,group:users:rwx,group::r-x,mask::rwx,other::---"}
    numeric = hostile_archives.with_acl([(1, 6, hostile_archives.NOBODY), (2, 6, 1000), (4, 0, hostile_archives.NOBODY),
                                         (16, 6, hostile_archives.NOBODY), (32, 0, hostile_archives.NOBODY)])
    unknown = {"SCHILY.acl.access": "user::rw-,group:nosuch:rw-,group::---,mask::rw-,other::---"}

    def add(tar):
        # tar writes the mask where a mode has the group's bits
        tar.file("srv/named", "x", 0o660, gid=100, pax=named).file("srv/numeric", "x", 0o660, gid=1, pax=numeric)
        tar.file("srv/unknown", "x", 0o660, gid=100, pax=unknown)
        tar.folder("srv/shared", 0o755, pax=default).file("srv/shared/early", "x", 0o600)
    host.image("new", images.busybox(extra=add))
    assert "group 'nosuch'" in notes(host, "new")
    zone = host.zone("z1", image="new", boot=True)

    def may(how, file, user="user"):
        command = {"read": f"cat {file} >/dev/null", "write": f"echo y >>{file}"}[how]
        return zone.exec("sh", "-c", command, options=("--user", user), check=False).returncode == 0
    assert may("read", "/srv/named") and not may("write", "/srv/named")
    assert may("read", "/srv/numeric") and may("write", "/srv/numeric")  # the zone's own copy has it, too
    assert may("read", "/srv/numeric")
    assert os.getxattr(zone.upper("srv/numeric"), "system.posix_acl_access")
    for file in ("/srv/named", "/srv/numeric", "/srv/unknown"):
        for how in ("read", "write"):
            assert not may(how, file, "daemon"), (file, how)
    assert not may("read", "/srv/unknown")  # of the group that the file has, whose bits the mode seems to grant
    root = imageFolder(host) / "new/rootfs"
    with pytest.raises(OSError):
        os.getxattr(root / "srv/shared/early", "system.posix_acl_access")  # inherits nothing
    zone.sh("umask 0; mkdir /srv/shared/late")
    assert os.getxattr(zone.upper("srv/shared/late"), "system.posix_acl_default")


def test_what_is_not_kept_is_counted(host):
    def add(tar):
        tar.device("srv/sda", 8, 0, block=True).device("srv/mem", 1, 1).device("dev/null", 1, 3)
        tar.file("srv/labelled", "x", pax={"SCHILY.xattr.security.selinux": "label"})
        tar.file("srv/other", "x", pax={"SCHILY.xattr.system.nfs4_acl": "x", "SCHILY.xattr.user.note": "kept"})
    file = archiveFile(host, images.busybox(extra=add))
    done = host.zonectl("image", "import", "new", file)
    shown = host.zonectl("image", "show", "new").stdout
    for text in (done.stdout + done.stderr, shown):
        assert "2 device nodes and sockets were left out" in text  # and more in /dev, which zones have anyway
        assert "2 attributes were left out" in text and "security.selinux, system.nfs4_acl" in text
    assert os.getxattr(imageFolder(host) / "new/rootfs/srv/other", "user.note") == b"kept"
    host.restart()
    assert "2 attributes" in notes(host, "new")
    host.image("plain", images.busybox())
    assert notes(host, "plain") == ""


@pytest.mark.parametrize("folder", ["rootfs", "root.x86_64", "my-system", "backup/container/rootfs"])
def test_a_root_that_lies_in_a_folder_of_the_archive_is_taken_from_there(host, folder):
    def beside(tar):
        tar.file("metadata.yaml", "architecture: x86_64\n").folder("templates").folder("templates/bin").file("templates/hosts.tpl", "x")
    host.image("new", images.busybox(below=folder, beside=beside))
    assert sorted(os.listdir(imageFolder(host) / "new")) == ["image.json", "rootfs"]
    root = imageFolder(host) / "new/rootfs"
    assert not (root / "templates").exists() and root.stat().st_mode & 0o7777 == 0o755 and root.stat().st_uid == 0
    assert folder in notes(host, "new") and "metadata.yaml, templates" in notes(host, "new")
    row = next(row for row in host.bus.manager("ListImages") if row[0] == "new")
    assert row[2] == "BusyBox for tests"
    assert host.zone("z1", image="new", boot=True).sh("cat /etc/marker") == "from the image"


def test_what_a_taken_root_hides_behind_links_stays_outside_of_the_image(host):
    def beside(tar):
        tar.folder("rootfs").link("rootfs/up", "..").file("rootfs/up/escaped", "x").link("etc-of", "rootfs/etc")
    host.image("new", images.busybox(below="rootfs", beside=beside))
    assert not [path for path in (imageFolder(host) / "new").rglob("*") if path.name in ("escaped", "etc-of")]


SAYS = {"docker-save": "docker export", "docker-save-25": "docker export", "oci-layout": "podman export",
        "incus-metadata": "comes in two files", "incus-squashfs": "rootfs.squashfs", "two-roots": "a, b/c",
        "archive-in-archive": "rootfs.tar.xz", "rootfs-is-a-link": "two files"}


def test_what_is_no_root_file_system_is_refused_by_what_it_is(host):
    for kind, says in SAYS.items():
        host.refused("image", "import", "bad", archiveFile(host, HOSTILE[kind]), status=(1,), says=says)


def test_an_image_without_an_init_says_so(host):
    file = archiveFile(host, images.busybox(without=("sbin/init",)))
    done = host.zonectl("image", "import", "new", file)
    assert "no init" in done.stderr and "key init" in done.stderr
    zone = host.zone("z1", image="new", init="[/bin/sleep, 1000]", boot=True)
    assert zone.truth() == "running"


def test_an_image_for_another_kind_of_machine_says_so(host):
    def add(tar):
        tar.file("sbin/init", b"\x7fELF\x02\x02" + bytes(12) + b"\x00\x16" + bytes(40), 0o755)
    host.image("new", images.busybox(extra=add, without=("sbin/init",)))
    assert "s390" in notes(host, "new")


def test_a_sparse_file_costs_and_shows_its_data(makeHost):
    host = makeHost(settings={"images": {"max-bytes": "8M"}}).start()
    archive = hostile_archives.Maker().root()
    hostile_archives.sparse_file(archive, "var/log/lastlog", 10 << 30, [(0, b"d" * 4096), (5 << 30, b"d" * (1 << 20))])
    host.image("new", archive.done())
    file = (imageFolder(host) / "new/rootfs/var/log/lastlog").stat()
    assert file.st_size == 10 << 30 and file.st_blocks * 512 < 2 << 20
    row = next(row for row in host.bus.manager("ListImages") if row[0] == "new")
    assert row[3] < 2 << 20
    end = host.importImage("overlapping", hostile_archives.overlapping_archive())
    assert end.result == "failed" and "8388608 bytes" in end.message, end


SECRETS = ("etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key.pub", "etc/ssl/private/ssl-cert-snakeoil.key",
           "var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret",
           "var/lib/dhcp/dhclient.eth0.leases", "var/lib/cloud/instances/i-1/sem/x")


def withSecrets(tar):
    for name in SECRETS:
        tar.file(name, "the same for all\n", 0o600)
    tar.link("var/lib/cloud/instance", "instances/i-1").file("var/lib/cloud/seed/x", "kept")
    tar.file("etc/ssh/sshd_config", "# there\n").file("usr/share/ssl-cert/ssleay.cnf", "# there\n")
    tar.file("usr/bin/ssh-keygen", "#!/bin/sh\n[ \"$*\" = -A ] || exit 1\necho making host keys\n"
             "cat /proc/sys/kernel/random/uuid >/etc/ssh/ssh_host_ed25519_key\n", 0o755)


def test_an_image_keeps_no_secret_that_its_zones_would_share(host):
    host.image("new", images.busybox(extra=withSecrets))
    root = imageFolder(host) / "new/rootfs"
    there = [name for name in SECRETS if (root / name).exists()]
    assert there == ["etc/ssl/private/ssl-cert-snakeoil.key"]  # nothing in the image could make another
    assert (root / "var/lib/cloud/seed/x").exists() and not os.path.lexists(root / "var/lib/cloud/instance")
    assert "ssh host keys" in notes(host, "new") and "share its secrets: the self-signed" in notes(host, "new")


def test_each_zone_has_host_keys_of_its_own_before_its_init_starts(host):
    def add(tar):
        withSecrets(tar)
        tar.file("etc/rc.local", "#!/bin/sh\ncp /etc/ssh/ssh_host_ed25519_key /run/at-start\n", 0o755)
    host.image("new", images.busybox(extra=add))
    zones = [host.zone(name, image="new", boot=True) for name in ("z1", "z2")]
    for zone in zones:
        eventually(lambda: zone.exec("test", "-s", "/run/at-start", check=False).returncode == 0)
    keys = [zone.sh("cat /run/at-start") for zone in zones]
    assert keys[0] != keys[1]
    zones[0].halt()
    zones[0].boot()
    assert zones[0].sh("cat /etc/ssh/ssh_host_ed25519_key") == keys[0]


def test_what_the_manual_says_of_an_overlay_is_so(host):
    def add(tar):
        tar.folder("srv/folder").file("srv/folder/x", "x").file("srv/a", "early\n").hardlink("srv/b", "srv/a")
    host.image("new", images.busybox(extra=add))
    zone = host.zone("z1", image="new", boot=True)
    assert zone.sh("stat -c %h /srv/a") == "2"
    assert zone.sh("echo late >/srv/a; cat /srv/a /srv/b") == "late\nearly"
    before = zone.sh("stat -c %i /srv/folder/x")
    zone.sh("mv /srv/folder /srv/moved && test ! -e /srv/folder")
    assert zone.sh("stat -c %i /srv/moved/x") != before  # rename(2) was refused, and mv has copied


def test_a_program_that_makes_no_keys_keeps_no_zone_from_booting(host):
    def add(tar):
        tar.file("etc/ssh/sshd_config", "#\n").file("usr/bin/ssh-keygen", "#!/bin/nosuch\n", 0o755)
    host.image("new", images.busybox(extra=add))
    assert host.zone("z1", image="new", boot=True).truth() == "running"


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
    assert not (root / "etc/localtime").is_symlink(), "the zone's is the host's"
