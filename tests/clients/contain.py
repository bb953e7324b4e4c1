# SPDX-License-Identifier: MIT
"""contain.py ARGUMENT... -- runs Python with these arguments in a space of processes of its own.

Patroni and PostgreSQL leave their parents, so that a test which is killed could not end them. When the first process of
such a space ends, or the program that made it, the kernel kills all that is left in it.
"""
import os
import subprocess
import sys

INSIDE = "DECREE_TEST_CONTAINED"
# Without root the space is made in a user namespace in which everybody stays who he is: PostgreSQL refuses to be root.
SPACE = ["unshare", *([] if os.geteuid() == 0 else ["--map-current-user"]), "--pid", "--mount", "--fork", "--kill-child",
         "--mount-proc"]


def first_process(arguments):
    """Waits for all whose parents are gone, as the first process has to, until its own child ends."""
    child = subprocess.Popen([sys.executable, *arguments])
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        os.execvpe(SPACE[0], [*SPACE, sys.executable, *sys.argv], dict(os.environ, **{INSIDE: "1"}))
    sys.exit(first_process(sys.argv[1:]))
