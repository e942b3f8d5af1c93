"""gopher-load, the generator of load: what it counts is what the proxy counts, and its report is one whole page."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.backend import response
from harness.ports import reserve_port
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
    assert result["answered"] == result["failed"] == 0 and result["other_status"] == result["requests"] > 0
    assert result["p50_ms"] is None, "there is no latency where nothing was answered"
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
    assert re.search(r"asked/s +answered/s +p50 ms +p95 ms +p99 ms +errors +429", printed)
    page = path.read_text()
    assert page.count("<polyline") == 7 and f"{result['requests']:,}" in page
    assert not re.search(r"(?:src|href|url\()", page)
    assert "closed loop" in page and "asks again 100 ms later" in page


def second(**counts):
    return {"users": 10, "answered": 0, "rate_limited": 0, "other_status": 0, "failed": 0, **counts}


def test_what_was_refused_is_no_throughput_and_a_second_without_answers_has_no_latency(tmp_path):
    quick = second(answered=100, p50_ms=1, p95_ms=2, p99_ms=3)
    none = second(rate_limited=900, other_status=100, p50_ms=None, p95_ms=None, p99_ms=None)
    result = {
        **second(answered=300, rate_limited=900, other_status=100), "shape": "smoke", "seconds": 4, "requests": 1300,
        "addresses": 4, "pause_ms": 100, "p50_ms": 1, "p95_ms": 2, "p99_ms": 3, "timeline": [quick, none, quick, quick],
    }  # fmt: skip
    path = tmp_path / "report.html"
    printed = subprocess.run(
        [sys.executable, REPORT, path], input=json.dumps(result), capture_output=True, text=True, check=True
    ).stdout
    names, values = printed.splitlines()[:2]
    row = dict(zip(re.split(r"  +", names.strip()), re.split(r"  +", values.strip())))
    assert (row["asked/s"], row["answered/s"], row["errors"], row["429"]) == ("325", "75", "100", "900 (69%)")
    # Each of the three percentiles in two pieces, the first of them a dot.
    assert path.read_text().count("<polyline") == 4 + 3 * 2


def test_what_ends_after_the_shape_is_in_the_timeline_and_in_the_time(make_backend, start_proxy):
    def late(request):
        time.sleep(1.6)
        return response("late")

    result = load(start_proxy(make_backend(late)).port, "--shape", "smoke", "--seconds", 1)
    assert result["answered"] == 10 and result["seconds"] > 1.5
    for name in ("requests", "answered", "rate_limited", "other_status", "failed"):
        assert sum(second[name] for second in result["timeline"]) == result[name], name
    assert result["timeline"][0]["p50_ms"] is None and result["timeline"][1]["p50_ms"] > 1500


@pytest.mark.parametrize("shape", ["smoke", "load", "spike", "sustained"])
def test_a_shape_is_that_of_the_k6_script(shape):
    script = (REPORT.parents[1] / f"k6/{shape}.js").read_text()
    stages = re.findall(r"duration: '(\d+)([sm])', target: (\d+)", script)
    if not stages:
        users, count, unit = re.search(r"vus: (\d+), duration: '(\d+)([sm])'", script).groups()
        stages = [(count, unit, users)]
    wanted = [(int(count) * {"s": 1, "m": 60}[unit], int(users)) for count, unit, users in stages]
    whole = sum(seconds for seconds, _ in wanted)
    # In a hundredth of its time, where nothing listens.
    result = load(reserve_port(), "--shape", shape, "--seconds", f"{whole * 10}ms")
    assert [(round(stage["seconds"] * 100, 3), stage["users"]) for stage in result["stages"]] == wanted


def test_check_config_puts_nothing_under_load_and_there_is_no_health_to_ask_for():
    checked = subprocess.run([binary("gopher-load"), "--check-config"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "configuration is valid\n")
    bad = [binary("gopher-load"), "--check-config", "--shape", "wave"]
    assert subprocess.run(bad, capture_output=True, check=False).returncode == 2
    asked = subprocess.run([binary("gopher-load"), "--health"], capture_output=True, text=True, check=False)
    assert asked.returncode == 2 and "unknown flag" in asked.stderr
