"""Archives that an image import has to refuse, whole and without residue.

`hostile_archives()` yields (name, bytes); each is a root file system with one
thing wrong. `harmless_archive()` is the same root with nothing wrong, so that a
test can show that it is the wrong thing that is refused. `truncated(data)`
yields every cut that must be an error.
"""

import gzip
import io
import lzma
import struct
import tarfile
import zlib


class Maker:
    """A tar archive built member by member."""

    def __init__(self, tar_format=tarfile.PAX_FORMAT, pax_headers=None):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tar_format, pax_headers=pax_headers)

    def add(self, name, kind=tarfile.REGTYPE, data=b"", target="", mode=0o644, **fields):
        info = tarfile.TarInfo(name)
        info.type = kind
        info.mode = mode
        info.linkname = target
        info.size = len(data)
        for field, value in fields.items():
            setattr(info, field, value)
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def folder(self, name, **fields):
        return self.add(name, tarfile.DIRTYPE, mode=fields.pop("mode", 0o755), **fields)

    def link(self, name, target, **fields):
        return self.add(name, tarfile.SYMTYPE, target=target, mode=0o777, **fields)

    def hardlink(self, name, target):
        return self.add(name, tarfile.LNKTYPE, target=target)

    def root(self):
        """What every one of the archives starts with."""
        for name in (".", "etc", "usr", "usr/bin", "sbin"):
            self.folder(name)
        self.add("etc/os-release", data=b'PRETTY_NAME="Hostile Linux"\n')
        return self.add("sbin/init", data=b"#!/bin/sh\n", mode=0o755)

    def done(self):
        self.tar.close()
        return self.buffer.getvalue()


def harmless_archive():
    return Maker().root().done()


def _names():
    yield "dotdot", Maker().root().add("../escaped", data=b"x").done()
    yield "dotdot-inside", Maker().root().add("usr/../../escaped", data=b"x").done()
    yield "dotdot-harmless-looking", Maker().root().add("usr/bin/../escaped", data=b"x").done()
    yield "absolute", Maker().root().add("/etc/absolute", data=b"x").done()
    yield "absolute-dotdot", Maker().root().add("/../escaped", data=b"x").done()
    yield "long-component", Maker().root().add("usr/" + "n" * 256, data=b"x").done()
    yield "long-name", Maker().root().add("/".join(["part"] * 900), data=b"x").done()
    yield "terminal-escape-in-dotdot", Maker().root().add("../\x1b[31mred\x07", data=b"x").done()


def _links():
    yield "link-then-file", Maker().root().link("usr/out", "/etc").add("usr/out/passwd", data=b"x").done()
    yield "relative-link-then-file", Maker().root().link("usr/out", "../..").add("usr/out/escaped", data=b"x").done()
    yield "link-chain", (
        Maker().root().link("a", "/").link("usr/b", "../a").add("usr/b/tmp/escaped", data=b"x").done()
    )
    yield "link-then-implicit-parents", Maker().root().link("a", "/tmp").add("a/b/c/d", data=b"x").done()
    yield "folder-becomes-link", Maker().root().folder("rootfs").link("rootfs", "/").done()
    yield "duplicate-rootfs", (
        Maker().root().folder("rootfs").link("rootfs", "/").add("rootfs/tmp/escaped", data=b"x").done()
    )
    yield "link-loop", Maker().root().link("a", "b").link("b", "a").add("a/x", data=b"x").done()
    yield "link-dangling", Maker().root().link("a", "nowhere").add("a/x", data=b"x").done()
    yield "link-to-file", Maker().root().link("a", "sbin/init").add("a/x", data=b"x").done()
    yield "link-in-then-out", Maker().root().link("lib", "usr/out").link("usr/out", "../..").add("lib/x", data=b"x").done()
    yield "folder-below-link-out", Maker().root().link("usr/out", "../../../tmp").folder("usr/out/escaped").done()
    yield "link-below-link-out", Maker().root().link("usr/out", "/tmp").link("usr/out/escaped", "x").done()
    yield "magic-link", Maker().root().link("a", "/proc/self/root").add("a/tmp/escaped", data=b"x").done()
    yield "file-as-parent", Maker().root().add("sbin/init/x", data=b"x").done()
    yield "root-is-a-link", Maker().link(".", "/").folder("etc").done()
    yield "empty-link", Maker(tarfile.USTAR_FORMAT).root().link("usr/empty", "").done()


def _hardlinks():
    yield "hardlink-outside", Maker().root().hardlink("etc/shadow", "../../../etc/shadow").done()
    yield "hardlink-absolute", Maker().root().hardlink("etc/shadow", "/etc/shadow").done()
    yield "hardlink-forward", Maker().root().hardlink("etc/early", "etc/late").add("etc/late", data=b"x").done()
    yield "hardlink-through-link", Maker().root().link("h", "/etc").hardlink("stolen", "h/passwd").done()
    yield "hardlink-by-dotdot-link", Maker().root().link("h", "../../..").hardlink("stolen", "h/etc/passwd").done()
    yield "hardlink-below-link-out", Maker().root().link("h", "/tmp").hardlink("h/escaped", "sbin/init").done()
    yield "hardlink-to-folder", Maker().root().hardlink("usr2", "usr").done()


def _headers():
    escape = {"path": "../escaped"}
    yield "pax-path", Maker().root().add("etc/plain", data=b"x", pax_headers=escape).done()
    yield "pax-linkpath", (
        Maker().root().add("etc/h", tarfile.LNKTYPE, target="sbin/init", pax_headers={"linkpath": "../../x"}).done()
    )
    yield "uid-65536", Maker().root().add("etc/file", uid=65536).done()
    yield "gid-65536", Maker().root().add("etc/file", gid=65536).done()
    yield "uid-2-to-32", Maker().root().add("etc/file", uid=2**32).done()
    yield "uid-gnu-huge", Maker(tarfile.GNU_FORMAT).root().add("etc/file", uid=2**55).done()
    yield "uid-pax-negative", Maker().root().add("etc/file", pax_headers={"uid": "-1"}).done()
    yield "link-uid-overflow", Maker().root().link("etc/link", "x", uid=2**31).done()
    for attribute in ("trusted.overlay.opaque", "trusted.anything", "user.overlay.redirect", "user.overlay.opaque"):
        headers = {"SCHILY.xattr." + attribute: "y"}
        yield attribute, Maker().root().add("etc/file", pax_headers=headers).done()
        yield attribute + "-on-folder", Maker().root().folder("opt", pax_headers=headers).done()
    yield "broken-capability", (
        Maker().root().add("usr/bin/x", data=b"x", pax_headers={"SCHILY.xattr.security.capability": "nonsense"}).done()
    )


def _layouts():
    """What looks like an image and holds no root file system, or more than one, or one that lies elsewhere."""
    docker = Maker().folder("0123").add("0123/layer.tar", data=b"x").add("manifest.json", data=b"[]")
    yield "docker-save", docker.add("repositories", data=b"{}").done()
    docker = Maker().folder("blobs").folder("blobs/sha256").add("oci-layout", data=b"{}").add("index.json", data=b"{}")
    yield "docker-save-25", docker.add("manifest.json", data=b"[]").done()
    yield "oci-layout", Maker().folder("blobs").add("oci-layout", data=b"{}").add("index.json", data=b"{}").done()
    yield "incus-metadata", Maker().folder("templates").add("metadata.yaml", data=b"architecture: x\n").done()
    yield "incus-squashfs", Maker().add("metadata.yaml", data=b"x").add("rootfs.squashfs", data=b"hsqs").done()
    yield "archive-in-archive", Maker().folder("x").add("rootfs.tar.xz", data=b"x").done()
    yield "two-roots", (
        Maker().folder("a").folder("a/usr").folder("a/etc").folder("b").folder("b/c").folder("b/c/usr")
        .folder("b/c/etc").done()
    )
    yield "rootfs-is-a-link", Maker().folder("templates").add("metadata.yaml").link("rootfs", "/").done()
    yield "rootfs-by-link", Maker().add("metadata.yaml").link("rootfs", "/").folder("rootfs/usr").done()
    yield "rootfs-becomes-link", Maker().folder("rootfs").folder("rootfs/usr").link("rootfs", "/").done()
    yield "rootfs-link-out", (
        Maker().folder("rootfs").folder("rootfs/usr").link("rootfs/o", "../..").add("rootfs/o/escaped").done()
    )


def acl(entries):
    """Of (tag, permissions, id), as the kernel's bytes in a PAX header."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF
WHOLE_ACL = [(1, 7, NOBODY), (2, 4, 1000), (4, 0, NOBODY), (16, 5, NOBODY), (32, 0, NOBODY)]


def with_acl(entries, name="system.posix_acl_access"):
    data = entries if isinstance(entries, bytes) else acl(entries)
    return {"SCHILY.xattr." + name: data.decode("utf-8", "surrogateescape")}  # as tarfile writes bytes back


def _attributes():
    broken = {
        "acl-bomb": sorted(WHOLE_ACL + [(2, 4, 1000 + number) for number in range(8000)]),
        "acl-foreign-id": [(1, 7, NOBODY), (2, 4, 65536), (4, 0, NOBODY), (16, 5, NOBODY), (32, 0, NOBODY)],
        "acl-without-mask": [entry for entry in WHOLE_ACL if entry[0] != 16],
        "acl-without-owner": WHOLE_ACL[1:],
        "acl-of-no-kind": WHOLE_ACL + [(64, 7, 1000)],
        "acl-permissions": [(1, 0xFFFF, NOBODY)] + WHOLE_ACL[1:],
        "acl-no-bytes": b"nonsense",
        "acl-cut": acl(WHOLE_ACL)[:-3],
    }
    for name, entries in broken.items():
        yield name, Maker().root().add("etc/file", pax_headers=with_acl(entries)).done()
        if name not in ("acl-bomb", "acl-foreign-id"):
            continue
        headers = with_acl(entries, "system.posix_acl_default")
        yield name + "-default", Maker().root().folder("opt", pax_headers=headers).done()
    text = "user::rwx,group::---,mask::rwx,other::---" + "".join(f",user:u{number}:rwx" for number in range(2000))
    yield "acl-text-bomb", Maker().root().add("etc/file", pax_headers={"SCHILY.acl.access": text}).done()
    flood = {f"SCHILY.xattr.user.{number}": "x" for number in range(2000)}
    yield "xattr-flood", Maker().root().add("etc/file", pax_headers=flood).done()
    yield "xattr-large", Maker().root().add("etc/file", pax_headers={"SCHILY.xattr.user.x": "x" * 200_000}).done()


def sparse_file(maker, name, size, regions, stated=None):
    """A member of GNU's sparse format 1.0: the map, then the data of each (offset, bytes); `stated` is the map's
    own text where it is to say another thing."""
    text = stated or "".join(f"{number}\n" for number in
                             [len(regions)] + [part for offset, data in regions for part in (offset, len(data))])
    table = text.encode().ljust(-(-len(text) // 512) * 512, b"\0")
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
               "GNU.sparse.realsize": str(size)}
    return maker.add("GNUSparseFile.0/" + name.replace("/", "_"), data=table + b"".join(data for _, data in regions),
                     pax_headers=headers)


def _sparse():
    block = b"d" * 512
    for name, size, regions in (
            ("sparse-beyond-end", 1024, [(4096, block)]),
            ("sparse-across-end", 1024, [(768, block)]),
            ("sparse-far-beyond-end", 1024, [(2**62, block)]),
            ("sparse-larger-than-any-disk", 2**62, [(0, block)]),
            ("sparse-end-of-numbers", 2**63 - 1, [(2**63 - 512, block)])):
        yield name, sparse_file(Maker().root(), "etc/s", size, regions).done()
    for name, stated in (("sparse-negative", "1\n-512\n512\n"), ("sparse-no-number", "1\nx\n512\n"),
                         ("sparse-too-many", "99999999\n0\n512\n"), ("sparse-overflow", f"1\n{2**65}\n512\n")):
        yield name, sparse_file(Maker().root(), "etc/s", 4096, [(0, block)], stated).done()


def overlapping_archive():
    """Each region of a sparse file lies on the one before: what is written counts, however small the file is."""
    return sparse_file(Maker().root(), "etc/s", 1 << 20, [(0, b"d" * (1 << 20))] * 8).done()


def replacing_archives():
    """(name, bytes, what the last entry made) of those whose later entry takes an earlier one's place, as with tar."""
    yield "link-becomes-file", Maker().root().link("x", "/etc/passwd").add("x", data=b"later").done(), "file"
    yield "link-becomes-link", Maker().root().link("x", "/etc").link("x", "usr").done(), "link"
    yield "link-becomes-folder", Maker().root().link("x", "/tmp").folder("x").add("x/escaped", data=b"x").done(), "folder"
    yield "file-becomes-link", Maker().root().add("x", data=b"early").link("x", "/bin/sh").done(), "link"
    yield "file-becomes-folder", Maker().root().add("x", data=b"early").folder("x").done(), "folder"
    yield "link-becomes-hardlink", Maker().root().link("x", "/etc/passwd").hardlink("x", "sbin/init").done(), "file"


def _whole():
    good = harmless_archive()
    yield "empty", b""
    yield "zeros-only", bytes(10240)
    yield "no-archive", b"This is a letter, not an archive.\n" * 1000
    yield "no-folder", Maker().add("file", data=b"x").done()
    yield "bad-checksum", good[:512 * 3 + 10] + b"\xff" + good[512 * 3 + 11:]
    yield "gzip-of-nothing", gzip.compress(b"")
    yield "gzip-of-text", gzip.compress(b"hello" * 1000)
    yield "gzip-damaged", _flip(gzip.compress(good, mtime=0))
    yield "xz-damaged", _flip(lzma.compress(good))
    yield "bzip2-not-enabled", b"BZh9" + bytes(5000)
    yield "zip-not-enabled", b"PK\x03\x04" + bytes(5000)


def _flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes(255 - byte for byte in data[middle:middle + 16]) + data[middle + 16:]


def hostile_archives():
    """(name, bytes) of every archive that must be refused."""
    for group in (_names, _links, _hardlinks, _headers, _layouts, _attributes, _sparse, _whole):
        yield from group()


def global_path_archive():
    """A name for all members in a global PAX header: not heeded, each member keeps its own."""
    return Maker(pax_headers={"path": "../escaped"}).root().add("etc/plain", data=b"x").done()


def devices_archive():
    """Taken, without its device nodes; the FIFO stays."""
    maker = Maker().root().folder("dev")
    for name, major, minor in (("null", 1, 3), ("sda", 8, 0)):
        kind = tarfile.BLKTYPE if major == 8 else tarfile.CHRTYPE
        maker.add("dev/" + name, kind, mode=0o666, devmajor=major, devminor=minor)
    return maker.add("dev/fifo", tarfile.FIFOTYPE).done()


def truncated(data, step=1024):
    """The archive cut at every `step` bytes, up to the zeros that end it (a cut among those loses nothing)."""
    end = len(data.rstrip(b"\0")) if data[257:262] == b"ustar" else len(data)
    for size in range(step, end, step):
        yield size, data[:size]


def many_entries(count):
    """`count` empty files, for the entry budget; made as a stream since it may be large."""
    header = tarfile.TarInfo("f").tobuf(tarfile.USTAR_FORMAT)
    yield tarfile.TarInfo("folder/file").tobuf(tarfile.USTAR_FORMAT)
    for _ in range(count):
        yield header
    yield bytes(1024)


def large_file(size):
    """One file of zeros of the stated size, gzip-compressed as a stream: a decompression bomb."""
    packer = zlib.compressobj(9, wbits=31)
    info = tarfile.TarInfo("folder/zeros")
    info.size = size
    yield packer.compress(info.tobuf(tarfile.GNU_FORMAT))
    block = bytes(1 << 20)
    left = size
    while left > 0:
        yield packer.compress(block[:left] if left < len(block) else block)
        left -= len(block)
    yield packer.compress(bytes(1024)) + packer.flush()
