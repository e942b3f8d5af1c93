"""/status of the metrics port: valid, and true."""

import json
import threading
import time

from harness.backend import Gate, response
from harness.http import get
from harness.polling import eventually, holds

HOSTILE = ('http://"},\\<script>', "http://\x00\x01\u202e:80", "junk " + "x" * 5000)


def status(process):
    answer = get(process.metrics_port, "/status")
    assert answer.status == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    return json.loads(answer.body)


def of(process, backend):
    rows = status(process)["backends"]["list"]
    return next((row for row in rows if row["backend"] == backend.target), None)


def test_what_runs_is_named_and_every_time_is_of_now(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), WORKERS=2)
    seen = status(proxy)
    assert seen["program"] == "gopher-proxy"
    assert (seen["pid"], seen["workers"]) == (proxy.pid, 2)
    start_line = proxy.log(msg="proxy started")[0]
    assert (seen["version"], seen["commit"]) == (start_line["version"], start_line["commit"])
    assert abs(seen["now_unix_ms"] / 1000 - time.time()) < 5
    # Both are whole milliseconds, so their difference is off by up to one either way.
    assert abs(seen["now_unix_ms"] - seen["started_unix_ms"] - seen["uptime_seconds"] * 1000) <= 1
    assert seen["state"] == "ok" and seen["problems"] == [] and seen["draining"] is None


def test_the_counts_are_those_that_were_sent(make_backend, start_proxy):
    good = make_backend()
    bad = make_backend(lambda request: response(status="500 Internal Server Error"))
    proxy = start_proxy(good, bad)
    statuses = [proxy.get().status for _ in range(20)]
    assert sorted(statuses) == [200] * 10 + [500] * 10
    eventually(lambda: status(proxy)["traffic"]["total"]["requests"] == 20)
    traffic = status(proxy)["traffic"]
    assert (traffic["total"]["processed"], traffic["total"]["dropped"], traffic["total"]["failed"]) == (20, 0, 10)
    assert traffic["window"]["requests"] == 20 and traffic["window"]["causes"] == {"completed": 20}
    assert traffic["error_ratio"] == 0.5 and traffic["in_flight"] == 0
    for backend, failed in ((good, 0), (bad, 10)):
        row = of(proxy, backend)
        assert (row["total"]["requests"], row["total"]["failed"], row["error_ratio"]) == (10, failed, failed / 10)
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    assert any("requests fail" == problem["what"] for problem in status(proxy)["problems"])


def test_a_request_at_a_backend_is_in_flight(make_backend, start_proxy):
    gate = Gate()
    backend = make_backend(gate.answer)
    proxy = start_proxy(backend)
    waiting = threading.Thread(target=proxy.get)
    waiting.start()
    assert gate.reached.wait(10)
    row = of(proxy, backend)
    assert (row["in_flight"], row["connections"]) == (1, 1)
    gate.opened.set()
    waiting.join()
    eventually(lambda: of(proxy, backend)["in_flight"] == 0)


def test_the_state_of_a_backend_follows_its_death_and_its_return(make_backend, start_proxy):
    stays, dies = make_backend(), make_backend()
    proxy = start_proxy(stays, dies)
    before = of(proxy, dies)
    assert before["state"] == "up" and before["probes"][-1]["succeeded"] is True
    died = time.time()
    dies.close()
    row = eventually(lambda: (row := of(proxy, dies))["state"] == "down" and row)
    assert row["reason"] == "refused" and row["probes"][-1]["reason"] == "refused"
    assert died - 0.1 <= row["since_unix_ms"] / 1000 <= time.time() + 0.1
    seen = status(proxy)
    assert seen["state"] == "degraded"
    assert [(problem["what"], problem["subject"]) for problem in seen["problems"]] == [("backend is down", dies.target)]
    assert seen["notices"][0]["what"] == "backend is down" and seen["notices"][0]["subject"] == dies.target
    dies.listen()
    eventually(lambda: of(proxy, dies)["state"] == "up")
    assert status(proxy)["state"] == "ok"
    assert of(proxy, stays)["since_unix_ms"] < row["since_unix_ms"], "the other one was up all the time"


def test_an_ejected_backend_says_why_and_until_when(make_backend, start_proxy):
    stays = make_backend()
    ejected = make_backend(lambda request: False)  # closes in place of an answer: its probes go on to succeed
    proxy = start_proxy(stays, ejected, WORKERS=1)

    def is_ejected():
        assert proxy.get().status == 200
        row = of(proxy, ejected)
        return row["state"] == "ejected" and row

    row = eventually(is_ejected)
    assert row["ejection"]["cause"] == "upstream_closed" and row["ejection"]["workers"] == 1
    assert row["ejection"]["consecutive_failures"] >= 2
    assert row["ejection"]["until_unix_ms"] > status(proxy)["now_unix_ms"] - 1000
    eventually(lambda: any(notice["what"] == "backend ejected" for notice in status(proxy)["notices"]))


def test_members_that_cannot_be_read_are_listed_while_they_are_there(make_backend, start_proxy, redis):
    proxy = start_proxy(make_backend())
    redis.add(*HOSTILE)
    rejected = eventually(lambda: len(found := status(proxy)["registry"]["rejected"]) == 3 and found)
    assert {member["member"] for member in rejected} == {member[:256] for member in HOSTILE}
    assert all(member["why"] for member in rejected)
    redis.remove(*HOSTILE)
    eventually(lambda: status(proxy)["registry"]["rejected"] == [])
    assert status(proxy)["state"] == "ok"


def test_a_lost_registry_says_why_since_when_and_when_it_is_tried_again(make_backend, start_proxy, redis):
    proxy = start_proxy(make_backend())
    assert status(proxy)["registry"]["failing"] is None
    redis.kill()
    failing = eventually(lambda: status(proxy)["registry"]["failing"])
    assert failing["reason"] in ("refused", "reset", "end_of_stream")
    assert failing["since_unix_ms"] <= status(proxy)["now_unix_ms"]
    seen = status(proxy)
    assert seen["state"] == "degraded" and seen["problems"][0]["what"] == "registry cannot be reached"
    redis.start()
    eventually(lambda: status(proxy)["registry"]["reachable"])
    eventually(lambda: any(notice["what"] == "registry is back" for notice in status(proxy)["notices"]))


def test_the_limiter_is_told(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), RATE_LIMIT_RPS="0.001", RATE_LIMIT_BURST="2")
    assert sorted(proxy.get().status for _ in range(5)) == [200, 200, 429, 429, 429]
    assert proxy.get(source="127.0.0.2").status == 200
    eventually(lambda: status(proxy)["limiter"]["limited_total"] == 3)
    limiter = status(proxy)["limiter"]
    assert (limiter["enabled"], limiter["burst"], limiter["tracked_clients"]) == (True, 2, 2)
    assert status(proxy)["traffic"]["error_ratio"] == 0, "429 is no failure"


def test_a_proxy_that_drains_says_so(make_backend, start_proxy):
    gate = Gate()
    proxy = start_proxy(make_backend(gate.answer), DRAIN_TIMEOUT="20s")
    waiting = threading.Thread(target=proxy.get)
    waiting.start()
    assert gate.reached.wait(10)
    proxy.signal()
    seen = eventually(lambda: (seen := status(proxy))["state"] == "draining" and seen)
    assert 15000 < seen["draining"]["until_unix_ms"] - seen["now_unix_ms"] <= 20000
    gate.opened.set()
    waiting.join()
    assert proxy.wait() == 0


def test_the_embedded_mode_keeps_showing_a_dead_target(start, make_backend, tmp_path):
    from harness.gopher import Proxy

    stays, dies = make_backend(), make_backend()
    targets = f"{stays.target},{dies.target}"
    proxy = start(Proxy(tmp_path, TARGETS=targets, PROBE_INTERVAL="100ms", PROBE_TIMEOUT="100ms"))
    proxy.until_active(2)
    dies.close()
    row = eventually(lambda: (row := of(proxy, dies))["state"] == "down" and row)
    assert row["reason"] == "refused"
    holds(lambda: of(proxy, dies)["state"] == "down", during=1)
    dies.listen()
    eventually(lambda: of(proxy, dies)["state"] == "up")


def test_a_sentinel_shows_its_targets_and_what_it_wrote(make_backend, start_sentinel):
    stays, dies = make_backend(), make_backend()
    sentinel = start_sentinel(stays, dies, SENTINEL_ID="watcher-1")
    eventually(lambda: status(sentinel)["registry"]["members_added_total"] == 2)
    seen = status(sentinel)
    assert (seen["program"], seen["sentinel_id"], seen["state"]) == ("gopher-sentinel", "watcher-1", "ok")
    assert seen["registry"]["lease_ttl_seconds"] == 30
    dies.close()
    eventually(lambda: of(sentinel, dies)["state"] == "down")
    eventually(lambda: status(sentinel)["registry"]["members_removed_total"] == 1)
    assert status(sentinel)["state"] == "degraded"


def test_the_page_is_sent_with_a_strict_policy_and_is_no_part_of_the_proxy_port(make_backend, start_proxy):
    backend = make_backend(lambda request: response(f"backend's own {request.path}"))
    proxy = start_proxy(backend)
    page = get(proxy.metrics_port, "/")
    assert page.status == 200 and page["Content-Type"] == "text/html; charset=utf-8"
    assert page["Content-Security-Policy"].startswith("default-src 'none'; script-src 'nonce-")
    assert "unsafe" not in page["Content-Security-Policy"]
    assert (page["X-Content-Type-Options"], page["Cache-Control"]) == ("nosniff", "no-store")
    for path in ("/", "/status"):
        assert proxy.get(path).body.decode() == f"backend's own {path}"
