"""Lets several test processes run side by side on one machine: each has a network and a /tmp of its own.

The leak checker looks at the whole machine. What a test process of the same machine makes meanwhile (an interface, a
temporary file of mmdebstrap's) must not look like a leak of this one's.
"""

import ctypes
import os
import subprocess

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

_networkBefore = None


def moveApart():
    """Moves this process, and what it starts from now on. The way to the outside is asOutside()."""
    global _networkBefore
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "unshare")
    _networkBefore = before
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def asOutside(argv):
    """This command, to be run in the machine's network also where this process has moved apart."""
    if _networkBefore is None:
        return list(argv)
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{_networkBefore}", "--", *argv]
