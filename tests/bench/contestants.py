"""The proxies that are measured, each configured for the same work: keep-alive on both sides, round robin over the
backends, X-Forwarded-For, bodies streamed. What costs one of them time and the work does not ask for is off or widened:
nginx spools no body to a file, no connection ends after so many requests, no idle one is closed for want of room. For
large bodies nginx and HAProxy have the buffers with which they measured best, which are not their defaults: nginx of
32 KiB, and of 128 KiB from 1 MiB on, HAProxy of 64 KiB from there on. Splicing made HAProxy 2.6 no better.
"""

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "end_to_end"), str(TESTS / "conformance")]

from harness.http import get  # noqa: E402
from harness.polling import eventually  # noqa: E402
from harness.ports import reserve_port  # noqa: E402
from harness.process import Process, binary  # noqa: E402
from real.proxies import find_program  # noqa: E402


@dataclass
class Work:
    """What is asked of every proxy."""

    backend_ports: list
    folder: Path
    members: int = 3  # of the pool
    workers: int = 1
    connections: int = 12_000  # that each is set up for; nginx and HAProxy set memory aside for them at the start
    body_bytes: int = 0  # of the longest body
    access_log: bool = False
    settings: dict = field(default_factory=dict)  # of gopher-proxy alone
    services: list = field(default_factory=list)  # processes that were started for it

    @property
    def backends(self):
        return backend_addresses(self.backend_ports, self.members)


def backend_addresses(ports, count):
    """So many backends of few processes: theirs are the ports, at any address of 127.0.0.0/8."""
    return [f"127.1.{number // 250}.{1 + number % 250}:{ports[number % len(ports)]}" for number in range(count)]


class Contestant:
    """A proxy on cores of its own."""

    def __init__(self, work, cores, label=None):
        self.work, self.cores = work, cores
        self.label = label or self.name
        self.port = reserve_port()
        self.folder = work.folder / self.label.replace(" ", "-")
        self.folder.mkdir(parents=True, exist_ok=True)
        command, environment = self.command()
        self.process = Process(self.name, ["taskset", "--cpu-list", cores, *command], self.folder, environment)

    def start(self):
        self.process.start()
        eventually(self.serves, within=30, every=0.05, what=f"{self.name} serves\n{self.process.log_tail()}")
        return self

    def serves(self):
        assert self.process.is_running(), f"{self.name} ended\n{self.process.log_tail()}"
        with socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True

    @property
    def pid(self):
        return self.process.pid  # taskset has become the proxy

    def stop(self):
        self.process.clean_up()

    def configuration(self):
        """What another needs to set up the same."""
        return " ".join(self.process.command)


class Gopher(Contestant):
    name = "gopher-proxy"

    def command(self):
        self.metrics_port = reserve_port()
        work = self.work
        settings = {
            "PROXY_PORT": self.port,
            "METRICS_PORT": self.metrics_port,
            "WORKERS": work.workers,
            "TARGETS": ",".join(work.backends),
            "RATE_LIMIT_RPS": 1_000_000,
            "RATE_LIMIT_BURST": 1_000_000,
            "MAX_CONNECTIONS": work.connections,
            "MAX_IDLE_UPSTREAM_CONNECTIONS": 1024,
            "KEEP_ALIVE_TIMEOUT": "10m",
            "UPSTREAM_KEEP_ALIVE_TIMEOUT": "10m",
            "ACCESS_LOG": "on" if work.access_log else "off",
            **work.settings,
        }
        self.settings = {name: value for name, value in settings.items() if value is not None}
        return [binary("gopher-proxy")], self.settings

    def serves(self):
        return super().serves() and self.active_backends() == self.work.members

    def active_backends(self):
        text = get(self.metrics_port, "/metrics").body.decode()
        return int(re.search(r"^gopherproxy_active_backends (\d+)$", text, re.MULTILINE)[1])

    def configuration(self):
        return " ".join(f"{name}={value}" for name, value in self.settings.items()) + " gopher-proxy"

    @staticmethod
    def version():
        return output_of([binary("gopher-proxy"), "--version"])


class Relay(Contestant):
    """bench_relay: what the sockets cost when there is no proxy above them."""

    name = "relay"

    def command(self):
        return [binary("bench_relay"), self.port, *self.work.backends], {}


class FromDebian(Contestant):
    def command(self):
        program, libraries = find_program(self.name)
        self.file = self.folder / "configuration"
        self.file.write_text(self.text())
        return self.arguments(program), {"LD_LIBRARY_PATH": libraries}

    def configuration(self):
        return self.file.read_text()

    @classmethod
    def version(cls):
        program, libraries = find_program(cls.name)
        return output_of([program, "-v"], {**os.environ, "LD_LIBRARY_PATH": libraries})


class Nginx(FromDebian):
    name = "nginx"

    def arguments(self, program):
        return [program, "-p", self.folder, "-c", self.file, "-e", "stderr", "-g", "daemon off;"]

    def text(self):
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        log = f"{self.folder}/access.log combined buffer=64k flush=1s" if self.work.access_log else "off"
        size = "128k" if self.work.body_bytes >= 1024 * 1024 else "32k"
        large = f"""
  proxy_buffering off;
  proxy_buffer_size {size};
  proxy_buffers 8 {size};
  client_body_buffer_size {size};""" if self.work.body_bytes >= 64 * 1024 else ""  # fmt: skip
        servers = "".join(f"    server {backend};\n" for backend in self.work.backends)
        return f"""{"user root;" if os.geteuid() == 0 else ""}
worker_processes {self.work.workers};
pid {self.folder}/pid;
error_log stderr crit;
events {{ worker_connections {self.work.connections}; }}
http {{
{temporary}  access_log {log};
  keepalive_timeout 10m;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;{large}
  upstream backends {{
{servers}    keepalive 1024;
    keepalive_requests 1000000000;
    keepalive_timeout 10m;
  }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096{" reuseport" if self.work.workers > 1 else ""};
    location / {{
      proxy_pass http://backends;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


class Haproxy(FromDebian):
    name = "haproxy"

    def arguments(self, program):
        return [program, "-db", "-f", self.file]

    def text(self):
        log = "  log stdout format raw local0 info\n  option httplog\n" if self.work.access_log else ""
        servers = "".join(f"  server s{n} {at} check inter 10s\n" for n, at in enumerate(self.work.backends))
        large = "  tune.bufsize 65536\n" if self.work.body_bytes >= 1024 * 1024 else ""
        return f"""global
{large}  nbthread {self.work.workers}
  maxconn {self.work.connections}
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
  timeout http-keep-alive 10m
  http-reuse always
{log}listen proxy
  bind 127.0.0.1:{self.port} backlog 4096
  option forwardfor
  balance roundrobin
{servers}"""


def output_of(command, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return (done.stdout + done.stderr).splitlines()[0]
