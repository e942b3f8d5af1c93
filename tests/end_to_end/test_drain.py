"""Stopping: what is in flight ends well, what is not is turned away, and nobody waits for ever."""

import signal
import threading

import pytest
from harness.backend import Gate, response
from harness.gopher import Proxy
from harness.http import Client, RawConnection, get
from harness.load import Load
from harness.polling import eventually
from harness.ports import reserve_port


def slow_or_quick(gate):
    return lambda request: gate.answer(request) if request.path == "/slow" else response()


def refuses(port):
    try:
        RawConnection(port).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_request_in_flight_finishes_and_the_proxy_exits_0(make_backend, start_proxy, number):
    gate = Gate()
    proxy = start_proxy(make_backend(slow_or_quick(gate)))
    with Client(proxy.port) as client:
        client.connection.request("GET", "/slow")
        assert gate.reached.wait(10)
        proxy.signal(number)
        eventually(lambda: refuses(proxy.port), what="new connections are refused")
        assert proxy.is_running()
        gate.opened.set()
        answer = client.connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"late but whole")
    assert proxy.wait() == 0
    assert proxy.log(msg="request", path="/slow", status=200)


def test_while_draining_the_proxy_is_alive_and_says_why_it_is_not_ready(make_backend, start_proxy):
    gate = Gate()
    proxy = start_proxy(make_backend(slow_or_quick(gate)))
    with Client(proxy.port) as client:
        client.connection.request("GET", "/slow")
        assert gate.reached.wait(10)
        proxy.signal()
        eventually(lambda: not proxy.ready(), what="not ready")
        assert "drain" in get(proxy.metrics_port, "/readyz").body.decode().lower()
        assert get(proxy.metrics_port, "/healthz").status == 200
        gate.opened.set()
        assert client.connection.getresponse().status == 200
    assert proxy.wait() == 0


def test_sigterm_under_load_loses_no_request(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    load = Load(proxy.port).start()
    load.after(300)
    proxy.signal()
    assert proxy.wait(within=20) == 0
    outcomes = load.stop()
    assert list(outcomes.statuses) == [200], outcomes
    assert not outcomes.cut and not outcomes.lost, outcomes
    assert backend.count() == outcomes.statuses[200]
    assert len(proxy.log(msg="request", status=200)) == outcomes.statuses[200], "and was logged"


def test_an_idle_keep_alive_connection_does_not_hold_up_the_end(make_backend, start_proxy):
    proxy = start_proxy(make_backend())
    with RawConnection(proxy.port) as idle:
        idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.read_head()[0] == 200
        proxy.signal()
        assert proxy.wait(within=5) == 0


def test_what_the_drain_timeout_cuts_is_logged_and_the_proxy_still_exits_0(make_backend, start_proxy):
    gate = Gate()
    proxy = start_proxy(make_backend(slow_or_quick(gate)), DRAIN_TIMEOUT="300ms")
    with RawConnection(proxy.port) as client:
        client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert gate.reached.wait(10)
        proxy.signal()
        assert proxy.wait(within=5) == 0
    gate.opened.set()
    assert proxy.log(msg="request", path="/slow", cause="drain_deadline")


def test_a_second_signal_ends_the_proxy_at_once(make_backend, start_proxy):
    gate = Gate()
    proxy = start_proxy(make_backend(slow_or_quick(gate)))
    with RawConnection(proxy.port) as client:
        client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert gate.reached.wait(10)
        proxy.signal()
        eventually(lambda: refuses(proxy.port), what="draining")
        proxy.signal()
        proxy.wait(within=5)
    gate.opened.set()


def test_probes_that_the_drain_cancels_mark_no_backend_down(make_backend, start_proxy):
    gate = Gate()
    backends = [make_backend(slow_or_quick(gate)) for _ in range(2)]
    proxy = start_proxy(*backends, HEALTH_INTERVAL="20ms", HEALTH_TIMEOUT="20ms")
    before = len(proxy.log(msg="backend verdict changed"))
    with Client(proxy.port) as client:
        client.connection.request("GET", "/slow")
        assert gate.reached.wait(10)
        proxy.signal()
        eventually(lambda: not proxy.ready())
        gate.opened.set()
        assert client.connection.getresponse().status == 200
    assert proxy.wait() == 0
    assert len(proxy.log(msg="backend verdict changed")) == before


def test_a_drain_without_redis_is_as_quick_as_with_it(make_backend, start_proxy, redis):
    proxy = start_proxy(make_backend())
    redis.kill()
    eventually(lambda: proxy.metric("gopherproxy_registry_reachable") == 0)
    assert proxy.stop(within=5) == 0


def test_a_proxy_that_never_reached_anything_stops_at_once(start, tmp_path):
    proxy = start(Proxy(tmp_path, f"127.0.0.1:{reserve_port()}"))
    assert proxy.stop(within=5) == 0


def test_many_requests_in_flight_all_finish(make_backend, start_proxy):
    gate = Gate()
    backend = make_backend(gate.answer)
    proxy = start_proxy(backend)
    answers = []

    def ask():
        answers.append(proxy.get().status)

    clients = [threading.Thread(target=ask) for _ in range(40)]
    for client in clients:
        client.start()
    eventually(lambda: backend.count() == 40, what="all 40 at the backend")
    proxy.signal()
    eventually(lambda: refuses(proxy.port))
    gate.opened.set()
    for client in clients:
        client.join(timeout=10)
    assert answers == [200] * 40
    assert proxy.wait() == 0
