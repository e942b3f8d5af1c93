"""gopher-load, the generator of load: what it counts is what the proxy counts, and its report is one whole page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness.backend import response
from harness.process import binary

REPORT = Path(__file__).resolve().parents[2] / "docker/load/report.py"


def load(port, *more):
    command = [binary("gopher-load"), "--target", f"127.0.0.1:{port}", *map(str, more)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_every_request_is_counted_as_the_proxy_counted_it(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    result = load(proxy.port, "--shape", "load", "--seconds", 3, "--pause", "50ms")
    assert result["answered"] == backend.count() == proxy.metric("gopherproxy_processed_requests_total")
    assert result["requests"] == result["answered"] > 500, result
    assert 0 < result["p50_ms"] <= result["p95_ms"] <= result["p99_ms"]
    assert max(second["users"] for second in result["timeline"]) > 400


def test_the_limiter_sees_as_many_clients_as_there_are_addresses(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), RATE_LIMIT_RPS="0.001", RATE_LIMIT_BURST="2")
    result = load(proxy.port, "--shape", "smoke", "--seconds", 2, "--addresses", 20, "--pause", "10ms")
    assert result["answered"] == 40, "two for each address"
    assert result["rate_limited"] == result["requests"] - 40 == proxy.metric(
        "gopherproxy_requests_total", cause="rate_limited"
    )  # fmt: skip


def test_errors_are_told_apart_from_answers(make_backend, start_proxy):
    proxy = start_proxy(make_backend(lambda request: response(status="500 Broken")))
    result = load(proxy.port, "--seconds", 1)
    assert result["answered"] == result["failed"] == 0 and result["refused"] == result["requests"] > 0
    proxy.stop()
    result = load(proxy.port, "--seconds", 1)
    assert result["failed"] == result["requests"] > 0


@pytest.mark.parametrize("target", ["10.0.0.1:80", "example.org:80", "[::1]:80", "127.0.0.1"])
def test_only_this_machine_is_ever_put_under_load(target):
    result = subprocess.run([binary("gopher-load"), "--target", target], capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "--target" in result.stderr


def test_the_report_is_one_page_that_asks_for_nothing_else(make_backend, start_proxy, tmp_path):
    result = load(start_proxy(make_backend()).port, "--seconds", 2)
    path = tmp_path / "report.html"
    printed = subprocess.run(
        [sys.executable, REPORT, path], input=json.dumps(result), capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"req/s +p50 ms +p95 ms +p99 ms +errors +429", printed)
    page = path.read_text()
    assert page.count("<polyline") == 7 and f"{result['requests']:,}" in page
    assert not re.search(r"(?:src|href|url\()", page)
