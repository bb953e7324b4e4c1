# SPDX-License-Identifier: MIT
"""wait.py -- the one place where a test sleeps: between two looks at something that must become true."""
import time


def wait_until(question, seconds, what):
    """Asks again and again until the answer is true, and returns it; fails with `what` after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def holds_for(question, seconds, what):
    """Fails with `what` if the answer is not true at some look within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert question(), what
        time.sleep(0.02)


def pass_time(seconds):
    """For a fault that lasts: the test has nothing to look at meanwhile."""
    time.sleep(seconds)
