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


def _reserve(port):
    """Whether this process has the port for itself from now on."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"gopher-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    if port in _locks:
        return False
    lock = open(folder / str(port), "w")  # noqa: SIM115 - held until the process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    if not _is_free(port):
        lock.close()
        return False
    _locks[port] = lock
    return True


def reserve_ports_in_a_row(count):
    """The first of that many neighbours."""
    for _ in range(500):
        first = random.randint(FIRST, LAST - count)
        if all(_reserve(first + offset) for offset in range(count)):
            return first
    raise AssertionError(f"no {count} free ports in a row from {FIRST} to {LAST}")


def reserve_port():
    return reserve_ports_in_a_row(1)
