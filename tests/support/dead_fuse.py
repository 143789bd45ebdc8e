"""A file system whose server has stopped answering, as NFS with a server that is gone.

Spoken to the kernel by hand: only the first message, FUSE_INIT, is answered.
"""

import ctypes
import os
import select
import struct
import threading

from support.wait import eventually

libc = ctypes.CDLL(None, use_errno=True)
FUSE_INIT = 26
MNT_DETACH = 2


def checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


class DeadFuse:
    """Mounted at `place` until close(). Whoever looks at anything in it waits; with unkillable=True even one who is
    killed, as the kernel lets nobody off whose request the server has taken."""

    def __init__(self, place, unkillable=False):
        self.place = place
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self.taken = 0
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        checked(libc.mount(b"dead", os.fsencode(place), b"fuse.dead", 0, options), f"mounting {place}")
        self._answerInit()
        self.ends = threading.Event()
        self.reader = threading.Thread(target=self._take, daemon=True) if unkillable else None
        if self.reader:
            self.reader.start()

    def _answerInit(self):
        unique, major = struct.unpack_from("<IIQ", os.read(self.fd, 1 << 20))[2], 7
        body = struct.pack("<IIIIHHIIHHI7I", major, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0, *[0] * 7)
        os.write(self.fd, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)

    def _take(self):
        while not self.ends.is_set():
            if select.select([self.fd], [], [], 0.05)[0]:
                os.read(self.fd, 1 << 20)
                self.taken += 1

    def until(self, count=1):
        eventually(lambda: self.taken >= count, what="somebody to look at the file system")

    def close(self):
        if self.fd is None:
            return
        if self.reader:
            self.ends.set()
            self.reader.join()
        # the kernel gives all up that wait
        os.close(self.fd)
        self.fd = None
        checked(libc.umount2(os.fsencode(self.place), MNT_DETACH), f"unmounting {self.place}")
