"""What compose.yaml says, without starting any of it."""

import json
import os
import re
import subprocess

import pytest
from stack import COMPOSE, COMPOSE_FILE, docker, image


def config(*files, profiles=(), **environment):
    command = [*COMPOSE, "-f", COMPOSE_FILE]
    for file in files:
        command += ["-f", COMPOSE_FILE.parent / file]
    for profile in profiles:
        command += ["--profile", profile]
    result = subprocess.run(
        [*map(str, command), "config", "--format", "json"],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0 and not result.stderr, result.stderr
    return json.loads(result.stdout)["services"]


def published(services):
    """(service, address, host's port) of every published port; no address is all of them."""
    return {
        (name, port.get("host_ip", ""), port["published"])
        for name, service in services.items()
        for port in service.get("ports", [])
    }


def test_without_any_setting_the_ports_are_those_of_the_contract_and_only_the_proxys_is_public():
    assert published(config()) == {
        ("gopher-proxy", "", "8080"),
        ("gopher-proxy", "127.0.0.1", "2112"),
        ("gopher-sentinel", "127.0.0.1", "2113"),
        ("redis", "127.0.0.1", "16379"),
        ("prometheus", "127.0.0.1", "9090"),
        ("grafana", "127.0.0.1", "3000"),
    }


def test_compose_closed_publishes_nothing_but_the_proxy():
    assert published(config("compose.closed.yaml")) == {("gopher-proxy", "", "8080")}


@pytest.mark.parametrize("name", sorted(config(profiles=["sim"])))
def test_a_service_is_confined(name):
    service = config(profiles=["sim"])[name]
    assert service["user"] == "1001:1001"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    limits = service["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) > 0 and int(limits["memory"]) > 0


def help_table(name):
    """setting → default, as the binary of an image says."""
    table = docker("run", "--rm", "--network", "none", image(name), "--help-markdown")
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| `[^`]*` \| `([^`]*)`", table, re.MULTILINE))


def seconds(duration):
    return sum(int(count) * {"s": 1, "m": 60, "h": 3600}[unit] for count, unit in re.findall(r"(\d+)([smh])", duration))


def test_the_grace_of_a_stop_is_longer_than_the_drain_and_the_end_of_the_workers(images):
    grace = seconds(config()["gopher-proxy"]["stop_grace_period"])
    assert grace > seconds(help_table("proxy")["DRAIN_TIMEOUT"]) + 5 > 5


@pytest.mark.parametrize("name", ["proxy", "sentinel"])
def test_every_setting_of_a_binary_can_be_given(images, name):
    # Addresses are the containers' own, and with a registry there is no embedded sentinel in the proxy.
    left_out = {"METRICS_ADDRESS"}
    if name == "proxy":
        left_out |= {"LISTEN_ADDRESS", "TARGETS", "PROBE_INTERVAL", "PROBE_TIMEOUT", "PROBE_RISE", "PROBE_FALL"}
        left_out |= {"PROBE_PATH"}
    assert set(help_table(name)) - set(config()[f"gopher-{name}"]["environment"]) == left_out


def test_a_password_reaches_redis_and_both_that_use_it():
    services = config(REDIS_PASSWORD="s3cret")
    assert services["redis"]["command"][-2:] == ["--requirepass", "s3cret"]
    for name in ("gopher-proxy", "gopher-sentinel"):
        assert services[name]["environment"]["REDIS_URL"] == "redis://:s3cret@redis:6379"
        assert config()[name]["environment"]["REDIS_URL"] == "redis://redis:6379"
