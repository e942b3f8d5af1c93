"""Waiting for the world: always for a condition, always with a bound, never for a time."""

import time


def eventually(condition, within=10.0, what="", every=0.02):
    """The first true value of condition(); AssertionError when there is none within the bound (seconds).

    A condition that raises OSError or ValueError (a refused connection, an answer not there yet) is not yet true.
    """
    deadline = time.monotonic() + within
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, ValueError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition}; last: {last!r}")
        time.sleep(every)


def holds(condition, during, what="", every=0.02):
    """Asserts that condition() stays true over an observation window (seconds)."""
    deadline = time.monotonic() + during
    while time.monotonic() < deadline:
        value = condition()
        assert value, f"did not hold for {during} s: {what or condition}; now: {value!r}"
        time.sleep(every)
