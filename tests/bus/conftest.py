"""A job that lasts until the test lets go of it."""

import os

import pytest

from support.bus import MANAGER, MANAGER_PATH


class HeldJob:
    """An import that reads from a pipe to which nothing is written."""

    def __init__(self, host, name="held"):
        self.host = host
        self.reader, self.writer = os.pipe()
        self.watch = host.bus.watch()
        self.path = host.bus.call(MANAGER_PATH, MANAGER, "ImportImage", "(shs)", (name, 0, "a pipe"),
                                  fds=[self.reader])
        os.close(self.reader)

    def release(self):
        """Ends the archive, which is then no archive; returns the job's end."""
        if self.writer is not None:
            os.close(self.writer)
            self.writer = None
        return self.host.bus.waitJob(self.path, self.watch)


@pytest.fixture
def heldJob(host):
    job = HeldJob(host)
    yield job
    job.release()
