"""The stack of docker/compose.yaml, under a project name and on ports of its own, driven by docker compose."""

import json
import os
import pathlib
import subprocess
import urllib.parse

from harness.gopher import parse_metrics
from harness.http import get
from harness.polling import eventually
from harness.ports import reserve_port, reserve_ports_in_a_row

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROJECT = "gopherproxy-test"
# Of the images built here, so that none takes the place of one that somebody runs.
VERSION = "0.0.0-test"
COMPOSE_FILE = ROOT / "docker/compose.yaml"
# The image of Grafana is not to be had everywhere; its files are checked by test_grafana_and_k6.py.
SERVICES = ("redis", "gopher-sentinel", "gopher-proxy", "demo-1", "demo-2", "demo-3", "prometheus")
OURS = ("gopher-sentinel", "gopher-proxy", "demo-1", "demo-2", "demo-3")
PROXIES = 3  # at most, so many ports are reserved


def docker(*arguments, check=True, timeout=120):
    """The output of a docker command; it must succeed unless check is False, which gives the whole result."""
    result = subprocess.run(
        ["docker", *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False
    )
    if not check:
        return result
    assert result.returncode == 0, f"docker {' '.join(map(str, arguments))}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def image(name):
    return f"gopherproxy/{name}:{VERSION}"


# docker compose, with nothing from a .env that an operator has beside the compose file.
COMPOSE = ("docker", "compose", "--env-file", os.devnull)


def compose_at(file, *arguments, environment=(), check=True, timeout=300):
    """The same of docker compose; `environment` is added to this process's own."""
    command = [*COMPOSE, "-p", PROJECT, "-f", file, *arguments]
    result = subprocess.run(
        list(map(str, command)), env={**os.environ, "VERSION": VERSION, **dict(environment)},
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    if not check:
        return result
    assert result.returncode == 0, f"compose {' '.join(map(str, arguments))}\n{result.stdout}\n{result.stderr}"
    return result.stdout


class Stack:
    def __init__(self, host_backend_port):
        self.proxy_port = reserve_ports_in_a_row(PROXIES)
        self.metrics_port = reserve_ports_in_a_row(PROXIES)
        self.prometheus_port = reserve_port()
        self.settings = {
            "PROXY_PORT": f"127.0.0.1:{self.proxy_port}-{self.proxy_port + PROXIES - 1}",
            "METRICS_PORT": f"{self.metrics_port}-{self.metrics_port + PROXIES - 1}",
            "SENTINEL_METRICS_PORT": reserve_port(),
            "REDIS_PORT": reserve_port(),
            "PROMETHEUS_PORT": self.prometheus_port,
            "REDIS_PASSWORD": "stack0test",
            # On, so that its metrics say something, and never in the way.
            "RATE_LIMIT_RPS": "1000000",
            "RATE_LIMIT_BURST": "1000000",
            # The last is this test's own backend, reached over the host's name as on any other system.
            "SENTINEL_TARGETS": f"demo-1:8081,demo-2:8082,demo-3:8083,host.docker.internal:{host_backend_port}",
        }

    def compose(self, *arguments, check=True, timeout=300):
        settings = {name: str(value) for name, value in self.settings.items()}
        return compose_at(COMPOSE_FILE, *arguments, environment=settings, check=check, timeout=timeout)

    def up(self, *more):
        self.compose("up", "-d", "--no-build", "--wait", "--wait-timeout", "120", *more, *SERVICES)

    def container(self, service, index=1):
        return f"{PROJECT}-{service}-{index}"

    def inspect(self, service, index=1):
        return json.loads(docker("inspect", self.container(service, index)))[0]

    def port(self, service, port, index=1):
        """The host's port behind which a container's stands."""
        return int(self.compose("port", "--index", index, service, port).strip().rpartition(":")[2])

    def metric(self, name, service="gopher-proxy", port=2112, index=1, **labels):
        """The sum of a metric's samples that have these labels."""
        text = get(self.port(service, port, index), "/metrics").body.decode()
        wanted = set(labels.items())
        return sum(value for have, value in parse_metrics(text).get(name, {}).items() if wanted <= set(have))

    def until_active(self, count, within=45):
        port = self.port("gopher-proxy", 2112)

        def active():
            metrics = parse_metrics(get(port, "/metrics").body.decode())
            return metrics["gopherproxy_active_backends"][()] == count

        eventually(active, within, f"{count} active backends", every=0.2)

    def prometheus(self, path, **parameters):
        """The data of an answer of Prometheus's API."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        answer = json.loads(get(self.prometheus_port, f"/api/v1/{path}{query}").body)
        assert answer["status"] == "success", answer
        return answer["data"]

    def requests_logged(self, service="gopher-proxy", index=1, **fields):
        """How many lines of the access log have these values."""
        text = docker("logs", self.container(service, index))
        lines = [json.loads(line) for line in text.splitlines() if '"msg":"request"' in line]
        return sum(all(line.get(name) == value for name, value in fields.items()) for line in lines)
