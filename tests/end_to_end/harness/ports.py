"""Free ports for servers whose port must be known before they start.

Taken from below the kernel's ephemeral range, so that no outgoing connection gets one in between, and locked by a file
for as long as this process lives, so that test runs side by side do not hand out the same one.
"""

import fcntl
import os
import pathlib
import random
import socket
import tempfile

FIRST, LAST = 20000, 31999

_locks = {}


def _is_free(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in (97, 99):  # no IPv6 on this machine
                continue
            return False
    return True


def reserve_port():
    folder = pathlib.Path(tempfile.gettempdir()) / f"gopher-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for _ in range(500):
        port = random.randint(FIRST, LAST)
        if port in _locks:
            continue
        lock = open(folder / str(port), "w")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if _is_free(port):
            _locks[port] = lock
            return port
        lock.close()
    raise AssertionError(f"no free port from {FIRST} to {LAST}")
