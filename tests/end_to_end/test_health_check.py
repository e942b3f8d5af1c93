"""--health: the question that a container's health check asks, answered by the running process itself."""

import os
import signal
import subprocess

import pytest
from harness.polling import eventually
from harness.ports import reserve_port
from harness.process import binary


def ask(process, **more):
    """Exit code and words of --health with the settings that the process runs with."""
    result = subprocess.run(
        [process.command[0], "--health"],
        env={**process.environment, **more}, capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    return result.returncode, (result.stdout + result.stderr).strip()


def test_each_binary_that_runs_is_healthy_and_one_that_ended_is_not(start_sentinel, start_proxy, start_demo):
    (demo,) = start_demo(1)
    for process in (start_proxy(demo), start_sentinel(demo)):
        url = f"http://127.0.0.1:{process.metrics_port}/healthz"
        name = os.path.basename(process.command[0])
        assert ask(process) == (0, f"{name}: healthy: {url} answers")
        process.stop()
        assert ask(process) == (1, f"{name}: unhealthy: {url}: refused")


def test_the_demo_backend_too(start_demo):
    (demo,) = start_demo(1)
    command = [binary("gopher-demo-backend"), "--health", "--port", str(demo.port)]
    assert subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    demo.stop()
    assert subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 1


def test_a_proxy_without_backends_is_healthy(start_proxy):
    """It waits for them: to start it anew would not bring them."""
    assert ask(start_proxy())[0] == 0


def test_the_address_of_the_metrics_port_counts(start_proxy):
    proxy = start_proxy()
    assert ask(proxy, METRICS_ADDRESS="127.0.0.1")[0] == 0
    only_v6 = ask(proxy, METRICS_ADDRESS="::1")
    assert f"http://[::1]:{proxy.metrics_port}/healthz" in only_v6[1]


def test_a_process_that_hangs_is_unhealthy_within_seconds(start_proxy):
    proxy = start_proxy()
    proxy.signal(signal.SIGSTOP)
    try:
        code, words = ask(proxy)
        assert (code, words.split(": ")[-1]) == (1, "timed_out")
    finally:
        proxy.signal(signal.SIGCONT)
    eventually(lambda: ask(proxy)[0] == 0)


@pytest.mark.parametrize("port", ["0", str(reserve_port())])
def test_where_nobody_can_be_asked_it_says_so(port):
    result = subprocess.run(
        [binary("gopher-sentinel"), "--health"],
        env={"METRICS_PORT": port}, capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.startswith(f"gopher-sentinel: unhealthy: http://127.0.0.1:{port}/healthz: ")
    assert result.stdout == "" and result.stderr.count("\n") == 1
