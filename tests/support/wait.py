"""Waiting for what comes by itself: polled until a deadline, never a fixed sleep."""

import time


def eventually(check, timeout=15.0, what="", step=0.02):
    """The first true value of check(); AssertionError, with the last value, after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or check}; last seen: {value!r}")
        time.sleep(step)


def holds(check, seconds, what="", step=0.05):
    """Asserts that check() stays true for `seconds`: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert check(), what or "did not stay so"
        time.sleep(step)
