# SPDX-License-Identifier: MIT
"""sandbox.py ARGUMENT... -- runs Python with these arguments where it may mount file systems and has all ports to itself.

That is a mount and a network namespace of its own; for a user who is not root, in a user namespace too. Where the
system permits none of this, the test is reported as skipped, with the reason.
"""
import fcntl
import os
import socket
import struct
import subprocess
import sys

INSIDE = "DECREE_TEST_SANDBOX"
SKIPPED = 77
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def enter(arguments):
    flags = ["--mount", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    trial = subprocess.run(["unshare", *flags, "true"], capture_output=True, text=True)
    if trial.returncode != 0:
        print(f"SKIPPED: this system permits no namespaces: {trial.stderr.strip()}")
        sys.exit(SKIPPED)
    os.execvpe("unshare", ["unshare", *flags, sys.executable, __file__, *arguments], dict(os.environ, **{INSIDE: "1"}))


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter(sys.argv[1:])
    raise_loopback()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
