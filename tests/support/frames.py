"""Raw frames: a packet socket in a zone's network namespace, and frames that no honest network stack would send."""

import array
import contextlib
import ipaddress
import socket
import struct
import subprocess
import sys

OPENER = """
import array, socket
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(({device!r}, 3))
way = socket.socket(fileno=0)
way.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [link.fileno()]))])
"""

BROADCAST = "ff:ff:ff:ff:ff:ff"


class Wire:
    """The zone's end of its cable. It keeps the zone's network namespace, with all that is in it, when the zone has
    stopped: as packets do that go round in there for ever."""

    def __init__(self, zone, device="eth0"):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            subprocess.run(["nsenter", "-t", str(zone.pid), "-n", sys.executable, "-c", OPENER.format(device=device)],
                           stdin=theirs, check=True, timeout=30)
            fds = array.array("i")
            _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_LEN(fds.itemsize))
            fds.frombytes(ancillary[0][2])
        self.link = socket.socket(fileno=fds[0])
        self.link.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def send(self, *frames):
        """Those that a link which is down refuses are lost."""
        for frame in frames:
            with contextlib.suppress(OSError):
                self.link.send(frame)

    def received(self):
        """What has come since this was asked last."""
        frames = []
        with contextlib.suppress(BlockingIOError):
            while True:
                frames.append(self.link.recv(65536))
        return frames


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def reserved(last):
    """One of the addresses that bridges keep for themselves."""
    return f"01:80:c2:00:00:{last:02x}"


def ethernet(source, destination, kind, content):
    return mac(destination) + mac(source) + struct.pack("!H", kind) + content


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(text):
    return ipaddress.IPv4Address(text).packed


def udp4(source, destination, port, payload, sourcePort=999):
    udp = struct.pack("!HHHH", sourcePort, port, 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0, ip4(source),
                         ip4(destination))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp


def arp(senderMac, senderAddress, targetAddress):
    """An answer that nobody has asked for."""
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + mac(senderMac) + ip4(senderAddress) + b"\0" * 6 + \
        ip4(targetAddress)


def routerAdvertisement(prefix):
    """I am your router, and this is your network."""
    source = ipaddress.IPv6Address("fe80::bad").packed
    destination = ipaddress.IPv6Address("ff02::1").packed
    option = struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 3600, 0, ipaddress.IPv6Address(prefix).packed)
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + option
    pseudo = source + destination + struct.pack("!II", len(body), socket.IPPROTO_ICMPV6)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return struct.pack("!IHBB16s16s", 0x60000000, len(body), socket.IPPROTO_ICMPV6, 255, source, destination) + body
