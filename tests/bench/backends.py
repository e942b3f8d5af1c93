"""Three ports of bench_backend, and what its counts say of the proxy before it."""

import contextlib
import http.client
import json
import time

from contestants import Process, binary, eventually
from harness.ports import reserve_port, reserve_ports_in_a_row

PORTS = 3


class Backends:
    def __init__(self, folder, cores):
        first = reserve_ports_in_a_row(PORTS)
        self.ports = list(range(first, first + PORTS))
        self.control_port = reserve_port()
        command = ["taskset", "--cpu-list", cores, binary("bench_backend"), self.ports[0], PORTS, self.control_port]
        self.process = Process("backend", command, folder)

    def start(self):
        self.process.start()
        eventually(self.counts, what="the backend answers")
        return self

    def stop(self):
        self.process.clean_up()

    def counts(self):
        """[{connections, requests, body_bytes, without_forwarded_for}], one a port."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=5)) as connection:
            connection.request("GET", "/")
            return json.loads(connection.getresponse().read())

    def counts_at_rest(self):
        """Once no request comes any more; probes go on, but are connections without one."""
        asked = None
        for _ in range(200):
            counts = self.counts()
            before = asked
            asked = [one["requests"] for one in counts]
            if asked == before:
                return counts
            time.sleep(0.05)
        raise AssertionError(f"requests still reach the backends after {200 * 0.05:.0f} s")


def difference(after, before):
    return [{name: a[name] - b[name] for name in a} for a, b in zip(after, before)]


def wrong_work(counts, requests, connections, body_bytes=0, members=PORTS):
    """Why the backends' counts are not those of a proxy that did its work on so many requests from so many connections,
    for so many members of its pool; empty when they are. The end of a run cuts one request off on each connection: the
    backend may have seen that one. Only the turn of as many members as ports shows in the counts."""
    seen = sum(one["requests"] for one in counts)
    if not requests <= seen <= requests + connections:
        return f"{requests} requests were answered, and {seen} reached the backends"
    if any(one["without_forwarded_for"] for one in counts):
        return "a request came without X-Forwarded-For"
    if sum(one["body_bytes"] for one in counts) < requests * body_bytes:
        return "not every byte of the bodies reached the backends"
    farthest = max(abs(one["requests"] - seen / len(counts)) for one in counts)
    if members == len(counts) and farthest > 1 + connections + 0.01 * seen:
        return f"no round robin: {[one['requests'] for one in counts]}"
    opened = sum(one["connections"] for one in counts)
    if opened > 20 + members + 2 * connections + seen // 10:
        return f"{opened} upstream connections for {seen} requests: they are not kept"
    return ""
