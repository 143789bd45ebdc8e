"""A name server for tests: every question for an address has the same answer, and is remembered."""

import socket
import struct
import threading


class NameServer:
    """On port 53 of an address of this machine, until the end of the with statement."""

    def __init__(self, address, answer):
        self.answer = socket.inet_aton(answer)
        self.asked = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            if not query:  # from __exit__
                return
            self.socket.sendto(self._reply(query), peer)

    def _reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace"))
            at += 1 + query[at]
        kind, = struct.unpack_from("!H", query, at + 1)
        self.asked.add(".".join(labels).lower())
        question = query[12:at + 5]
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if kind == 1 else 0, 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + self.answer if kind == 1 else b""
        return head + question + record

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with self.socket, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
            self.thread.join(5)
