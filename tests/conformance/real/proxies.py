"""The proxies under test, each as children of this process with settings of their own, in a folder of its own.

A lane is one port of the proxy and the one scripted upstream behind it, so that cases can run side by side and it is
still known whose bytes reached which upstream. A world is what a case asks of that: plain, trusted (the client is a
trusted proxy), one_refuses and all_refuse (of two backends).

Timeouts are short, since cases wait for them: a head 2 s, the first byte of an answer 2 s, an idle connection 4 s.
"""

import os
import pathlib
import shutil
import signal
import socket
from dataclasses import dataclass

from harness.gopher import Proxy as GopherProcess
from harness.polling import eventually
from harness.ports import reserve_port
from harness.process import Process

from .upstream import Upstream

WORLDS = ("plain", "trusted", "one_refuses", "all_refuse")


@dataclass
class Lane:
    world: str
    port: int
    upstream: Upstream
    refusing: list  # listeners that stop once the proxy has found them alive
    client: bytes = b"127.0.0.1"


async def make_lanes(count):
    """`count` of the plain world, one of each other; their upstreams listen, their ports are reserved."""
    lanes = []
    for world in ["plain"] * count + list(WORLDS[1:]):
        upstream = Upstream()
        await upstream.listen(reserve_port())
        refusing = []
        if world in ("one_refuses", "all_refuse"):
            refusing.append(Upstream())
            await refusing[0].listen(reserve_port())
        lanes.append(Lane(world, reserve_port(), upstream, refusing))
    return lanes


def stop_refusing(lane):
    for upstream in lane.refusing:
        upstream.stop_listening()
    if lane.world == "all_refuse":
        lane.upstream.stop_listening()


def answers(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


class Gopher:
    name = "gopher-proxy"
    SETTINGS = {
        "WORKERS": 1,
        "PROBE_INTERVAL": "1h",
        "EJECTION_FAILURES": 0,
        "REQUEST_HEAD_TIMEOUT": "2s",
        "FIRST_BYTE_TIMEOUT": "2s",
        "KEEP_ALIVE_TIMEOUT": "4s",
    }

    def __init__(self, folder, lanes):
        self.processes = []
        for number, lane in enumerate(lanes):
            backends = [lane.upstream, *lane.refusing]
            targets = ",".join(f"127.0.0.1:{one.port}" for one in backends)
            settings = dict(self.SETTINGS, PROXY_PORT=lane.port)
            if lane.world == "trusted":
                settings["TRUSTED_PROXIES"] = "127.0.0.1"
            process = GopherProcess(folder, arguments=["--targets", targets], name=f"gopher-{number}", **settings)
            self.processes.append((process, len(backends)))

    def start(self):
        for process, _ in self.processes:
            Process.start(process)

    def is_ready(self):
        return all(process.active() == count for process, count in self.processes)

    def stop(self):
        """Their exit codes; more than one cause to fail is a crash."""
        return [process.stop() for process, _ in self.processes]

    def clean_up(self):
        for process, _ in self.processes:
            process.clean_up()

    def log_tail(self):
        return "\n".join(process.log_tail(5) for process, _ in self.processes)


def find_program(name):
    """In the path, or in a folder of unpacked packages that PROXY_PACKAGES names; with the libraries' folders."""
    root = pathlib.Path(os.environ.get("PROXY_PACKAGES", "/nonexistent"))
    libraries = [str(path) for path in root.glob("usr/lib/*-linux-gnu*")]
    for folder in (root / "usr/sbin", root / "usr/bin"):
        if (folder / name).exists():
            return str(folder / name), ":".join(libraries)
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not found:
        raise SystemExit(f"run.py: {name} is not installed; ./dev conformance fetches it")
    return found, ":".join(libraries)


class OneProcess:
    """A proxy that serves all lanes from one configuration file."""

    def __init__(self, folder, lanes):
        self.lanes = lanes
        self.folder = folder / self.name
        self.folder.mkdir()
        self.configuration = self.folder / "configuration"
        self.configuration.write_text(self.configure())
        program, libraries = find_program(self.name)
        self.process = Process(self.name, self.command(program), self.folder, {"LD_LIBRARY_PATH": libraries})

    def start(self):
        self.process.start()

    def is_ready(self):
        assert self.process.is_running(), self.log_tail()
        return all(answers(lane.port) for lane in self.lanes)

    def stop(self):
        code = self.process.stop()
        return [0 if code == -signal.SIGTERM else code]

    def clean_up(self):
        self.process.clean_up()

    def log_tail(self):
        return self.process.log_tail()


class Nginx(OneProcess):
    """As its documentation sets up a proxy: HTTP/1.1 and keep-alive to the upstream, WebSocket, X-Forwarded-*; and
    bodies go through as they come, as the other two do it."""

    name = "nginx"

    def command(self, program):
        return [program, "-p", self.folder, "-c", self.configuration, "-e", "stderr", "-g", "daemon off;"]

    def configure(self):
        servers = "".join(self.server(number, lane) for number, lane in enumerate(self.lanes))
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        return f"""
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
pid {self.folder}/pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
{temporary}  client_header_timeout 2s;
  keepalive_timeout 4s;
  proxy_read_timeout 2s;
  proxy_http_version 1.1;
  proxy_request_buffering off;
  proxy_buffering off;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
{servers}}}
"""

    @staticmethod
    def server(number, lane):
        trusted = lane.world == "trusted"
        forwarded = (
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
            if trusted
            else "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;"
            " proxy_set_header X-Forwarded-Host $http_host;"
        )
        backends = " ".join(f"server 127.0.0.1:{one.port} max_fails=0;" for one in [*lane.refusing, lane.upstream])
        return f"""
  upstream u{number} {{ {backends} keepalive 16; }}
  server {{
    listen 127.0.0.1:{lane.port};
    server_name localhost;
    location / {{
      proxy_pass http://u{number};
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      {forwarded}
    }}
  }}
"""


class Haproxy(OneProcess):
    name = "haproxy"

    def command(self, program):
        return [program, "-db", "-f", self.configuration]

    def configure(self):
        return """
global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout connect 2s
  timeout client 4s
  timeout server 2s
  timeout http-request 2s
  timeout http-keep-alive 4s
  timeout tunnel 10s
  option redispatch
  http-reuse always
""" + "".join(self.proxy(number, lane) for number, lane in enumerate(self.lanes))

    @staticmethod
    def proxy(number, lane):
        trusted = lane.world == "trusted"
        forwarded = (
            "  option forwardfor\n"
            if trusted
            else "  http-request set-header X-Forwarded-For %[src]\n"
            "  http-request set-header X-Forwarded-Proto http\n"
            "  http-request set-header X-Forwarded-Host %[req.hdr(host)]\n"
        )
        backends = "".join(
            f"  server s{index} 127.0.0.1:{one.port}\n" for index, one in enumerate([*lane.refusing, lane.upstream])
        )
        return f"""
listen l{number}
  bind 127.0.0.1:{lane.port}
{forwarded}{backends}"""


PROXIES = {"gopher": Gopher, "nginx": Nginx, "haproxy": Haproxy}


def until_ready(proxy):
    try:
        eventually(proxy.is_ready, within=15, what=f"{proxy.name} serves")
    except AssertionError as error:
        raise RuntimeError(f"{error}\n{proxy.log_tail()}") from None
