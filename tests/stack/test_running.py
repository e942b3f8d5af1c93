"""The story of a running stack: what stops and starts around the proxy costs no request."""

import os
import signal
import time

import pytest
from harness.http import get
from harness.load import Load
from harness.polling import eventually
from stack import OURS, SERVICES, docker


@pytest.fixture
def load(stack):
    """Steady requests; when the test is over, every one of them must have been answered by a backend."""
    load = Load(stack.port("gopher-proxy", 8080), clients=4, pause=0.01).start()
    load.after(50)
    yield load
    load.after(50)
    outcomes = load.stop()
    assert set(outcomes.statuses) == {200}, outcomes
    assert not outcomes.failures, outcomes


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_healthy_and_runs_as_it_is_meant_to(stack, service):
    container = stack.inspect(service)
    assert container["State"]["Health"]["Status"] == "healthy"
    host = container["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["Privileged"]
    assert host["Memory"] > 0 and host["NanoCpus"] > 0
    status = open(f"/proc/{container['State']['Pid']}/status").read()
    assert "Uid:\t1001\t1001\t1001\t1001\n" in status and "Gid:\t1001\t1001\t1001\t1001\n" in status
    assert "CapEff:\t0000000000000000\n" in status and "NoNewPrivs:\t1\n" in status


@pytest.mark.parametrize("service", OURS)
def test_the_health_check_answers_in_words(stack, service):
    program = service if service.startswith("gopher") else "gopher-demo-backend"
    words = docker("exec", stack.container(service), program, "--health")
    assert words.startswith(f"{program}: healthy: http://127.0.0.1:")


def test_requests_reach_every_backend_also_the_one_on_the_host(stack):
    port = stack.port("gopher-proxy", 8080)
    bodies = {get(port).body.decode().strip() for _ in range(40)}
    demos = {f"<h1>GopherProxy Demo: Response from SERVER {number}</h1>" for number in (1, 2, 3)}
    assert bodies == demos | {"host"}


def test_metrics_are_not_to_be_had_on_the_proxys_port(stack):
    answer = get(stack.port("gopher-proxy", 8080), "/metrics")
    assert b"gopherproxy_" not in answer.body


def test_a_backend_that_stops_and_comes_back_costs_no_request(stack, load):
    stack.compose("stop", "demo-2")
    stack.until_active(3)
    load.after(50)
    stack.compose("start", "demo-2")
    stack.until_active(4)
    before = stack.requests_logged(backend="demo-2:8082")
    load.after(50)
    assert stack.requests_logged(backend="demo-2:8082") > before


def test_prometheus_notices_a_backend_that_stops(stack, load):
    stack.compose("stop", "demo-3")

    def raised():
        labels = [alert["labels"] for alert in stack.prometheus("alerts")["alerts"]]
        return [of for of in labels if (of["alertname"], of.get("target")) == ("GopherBackendDown", "demo-3:8083")]

    # To be scraped and evaluated; it fires a minute later.
    (labels,) = eventually(raised, 60, "GopherBackendDown of demo-3 is at least pending", every=0.5)
    stack.compose("start", "demo-3")
    assert labels["severity"] == "ticket"
    stack.until_active(4)


def test_redis_restarts_with_the_set_that_it_had_and_costs_no_request(stack, load):
    def members():
        password = stack.settings["REDIS_PASSWORD"]
        asked = ("redis-cli", "--no-auth-warning", "-a", password, "smembers", "gopher_backends")
        return set(docker("exec", stack.container("redis"), *asked).split())

    # The proxy may still have one that the sentinel has taken out and not put back yet.
    eventually(lambda: len(members()) == 4, 20, "the sentinel has all four in the set", every=0.2)
    before = members()
    stack.compose("stop", "gopher-sentinel")  # so that what stands there then is what Redis kept
    stack.compose("restart", "redis")
    restarted = time.monotonic()
    eventually(lambda: members() == before, what="the set is as it was", every=0.2)

    def read_since():
        since = time.monotonic() - restarted
        return stack.metric("gopherproxy_registry_last_read_age_seconds") < since

    eventually(read_since, 20, "the proxy reads again", every=0.2)
    stack.compose("start", "gopher-sentinel")
    stack.until_active(4)


def test_a_killed_sentinel_is_started_again_and_costs_no_request(stack, load):
    before = stack.inspect("gopher-sentinel")
    # As the kernel would: what docker itself kills it takes for stopped on purpose.
    os.kill(before["State"]["Pid"], signal.SIGKILL)

    def healthy_again():
        now = stack.inspect("gopher-sentinel")
        return now["RestartCount"] > before["RestartCount"] and now["State"]["Health"]["Status"] == "healthy"

    eventually(healthy_again, 40, "the sentinel runs again", every=0.3)
    eventually(
        lambda: stack.metric("gophersentinel_target_up", "gopher-sentinel", 2113) == 4, 20, "probes again", every=0.3
    )
    assert stack.metric("gopherproxy_active_backends") == 4


def test_three_proxies_serve_and_one_that_is_stopped_under_load_loses_no_request(stack, load):
    stack.up("--no-recreate", "--scale", "gopher-proxy=3")
    for index in (1, 2, 3):
        assert get(stack.port("gopher-proxy", 8080, index)).status == 200

    def targets_up():
        return len(stack.prometheus("query", query='up{job="gopher-proxy"} == 1')["result"]) == 3

    third = stack.container("gopher-proxy", 3)
    on_third = Load(stack.port("gopher-proxy", 8080, 3), clients=4).start()
    on_third.after(200)
    docker("stop", "--time", "45", third)
    outcomes = on_third.stop()
    assert set(outcomes.statuses) == {200} and not outcomes.cut and not outcomes.lost, outcomes
    state = stack.inspect("gopher-proxy", 3)["State"]
    assert state["ExitCode"] == 0 and not state["OOMKilled"]
    # One of the requests was this test's own.
    assert stack.requests_logged(index=3, status=200) == outcomes.statuses[200] + 1
    docker("start", third)
    eventually(targets_up, 60, "Prometheus scrapes three proxies", every=1)
    stack.up("--no-recreate", "--scale", "gopher-proxy=1")
    assert get(stack.port("gopher-proxy", 8080)).status == 200
