#!/usr/bin/env python3
"""What an idle client connection costs gopher-proxy, in resident memory.

Opens COUNT connections, sends one request on each and reads its answer (so that every buffer a connection ever needs
has been used once), then compares the proxy's resident memory (VmRSS) with that before the first connection. Prints
bytes a connection, and how long a request takes on a connection of its own before and beside them (medians).

Usage: idle_connections.py BIN_FOLDER [COUNT]
"""

import os
import resource
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

BATCH = 200


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


def until(condition, within=10.0):
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def request(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")


def answer(connection):
    text = b""
    while b"SERVER 1" not in text:
        piece = connection.recv(4096)
        if not piece:
            raise RuntimeError(f"closed after {text!r}")
        text += piece


def median_request_seconds(port, rounds=3000):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            request(connection)
            answer(connection)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main():
    folder = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    files = count + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    backend_port, proxy_port, metrics_port = free_port(), free_port(), free_port()
    backend = subprocess.Popen([f"{folder}/gopher-demo-backend", "--port", str(backend_port), "--server", "1"])
    proxy = subprocess.Popen(
        [f"{folder}/gopher-proxy"],
        env={
            "TARGETS": f"127.0.0.1:{backend_port}",
            "PROXY_PORT": str(proxy_port),
            "METRICS_PORT": str(metrics_port),
            "RATE_LIMIT_RPS": "0",
            "ACCESS_LOG": "off",
            "LOG_LEVEL": "warn",
            "KEEP_ALIVE_TIMEOUT": "10m",
            "PATH": os.environ["PATH"],
        },
    )
    try:
        until(lambda: ready(metrics_port))
        alone = median_request_seconds(proxy_port)
        before = resident_bytes(proxy.pid)
        connections = []
        while len(connections) < count:
            missing = min(BATCH, count - len(connections))
            batch = [socket.create_connection(("127.0.0.1", proxy_port)) for _ in range(missing)]
            for connection in batch:
                request(connection)
            for connection in batch:
                answer(connection)
            connections += batch
        after = resident_bytes(proxy.pid)
        beside = median_request_seconds(proxy_port)
        each = (after - before) / count
        print(f"{count} idle connections: {each:.0f} bytes each ({before >> 10} KiB before, {after >> 10} KiB after)")
        print(f"a request: {alone * 1e6:.0f} µs before them, {beside * 1e6:.0f} µs beside them")
    finally:
        proxy.kill()
        backend.kill()
        proxy.wait()
        backend.wait()


if __name__ == "__main__":
    main()
