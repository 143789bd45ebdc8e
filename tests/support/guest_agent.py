"""Runs inside the guest as zoned-test-agent.service and does what tests/support/guest.py asks for.

Requests and replies are lines of JSON over a virtio-serial port, several at a time, told apart by their id; data is
in base64. A line that makes no sense is skipped: after a reset of the machine either side may see half a line. The
first line tells the boot id, by which the other side knows that what it still waits for will not come.
"""

import base64
import json
import os
import signal
import subprocess
import threading
import time

PORT = "/dev/virtio-ports/org.zoned1.test"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root",
               "LANG": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


def encode(data):
    return base64.b64encode(data or b"").decode()


class Port:
    def __init__(self):
        self.fd = os.open(PORT, os.O_RDWR)
        self.lock = threading.Lock()

    def lines(self):
        rest = b""
        while True:
            data = os.read(self.fd, 1 << 20)
            if not data:  # nobody holds the other end at the moment
                time.sleep(0.05)
                continue
            *whole, rest = (rest + data).split(b"\n")
            yield from whole

    def send(self, message):
        data = memoryview(json.dumps(message).encode() + b"\n")
        with self.lock:
            while data:
                data = data[os.write(self.fd, data):]


def run(argv, given, limit):
    """Ends also where a grandchild outside the process group keeps the pipes open: it is told as late then."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
                               env=ENVIRONMENT, start_new_session=True)
    try:
        out, err = process.communicate(given, limit)
        return {"status": process.returncode, "out": encode(out), "err": encode(err)}
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    try:
        out, err = process.communicate(timeout=5)
    except subprocess.TimeoutExpired as still:
        out, err = still.stdout, still.stderr
    return {"late": True, "status": process.poll(), "out": encode(out), "err": encode(err)}


def write(path, data, mode, append):
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    with open(os.open(path, flags, mode), "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
    return {}


def read(path, offset, size):
    with open(path, "rb") as file:
        file.seek(offset)
        return {"data": encode(file.read(size))}


def answer(request):
    kind = request["do"]
    if kind == "run":
        return run(request["argv"], base64.b64decode(request["input"]), request["limit"])
    if kind == "write":
        return write(request["path"], base64.b64decode(request["data"]), request["mode"], request["append"])
    if kind == "read":
        return read(request["path"], request["offset"], request["size"])
    raise ValueError(f"no such request: {kind}")


def serve(port, request):
    try:
        reply = answer(request)
    except Exception as fault:  # whatever it is, the other side waits for a reply
        reply = {"fault": f"{type(fault).__name__}: {fault}"}
    port.send({"id": request["id"], **reply})


def main():
    port = Port()
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    with port.lock:
        os.write(port.fd, b"\n")
    port.send({"hello": boot})
    for line in port.lines():
        try:
            request = json.loads(line)
            request["id"], request["do"]
        except (ValueError, KeyError, TypeError):
            continue
        threading.Thread(target=serve, args=(port, request), daemon=True).start()


if __name__ == "__main__":
    main()
