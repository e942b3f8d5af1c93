"""Backends that are gone, slow or wrong: the right status, and no failure that another backend could have spared."""

import http.client
import socket

import pytest
from harness.backend import Gate, response
from harness.gopher import Proxy
from harness.http import Client, RawConnection, get, post
from harness.load import Load
from harness.polling import eventually
from harness.ports import reserve_port

STALE = {"HEALTH_INTERVAL": "1h"}  # after the first probe, only the requests themselves find out


def test_no_backend_gives_503(start_proxy):
    proxy = start_proxy()
    assert proxy.get().status == 503
    assert proxy.request_lines(1, status=503)[0]["cause"] == "no_live_backend"


def test_a_set_that_names_only_the_dead_gives_503(start_proxy, redis):
    proxy = start_proxy()
    redis.add(reserve_port())
    eventually(lambda: proxy.metric("gopherproxy_registry_members") == 1)
    assert proxy.get().status == 503


def test_a_backend_that_died_since_its_probe_gives_502(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend, **STALE)
    backend.close()
    assert proxy.get().status == 502
    assert proxy.request_lines(1, status=502)[0]["cause"] == "connect_refused"
    eventually(lambda: proxy.metric("gopherproxy_dropped_requests_total") == 1)
    assert proxy.metric("gopherproxy_processed_requests_total") == 0


def test_a_refused_connection_is_tried_on_another_backend_for_any_method(make_backend, start_proxy):
    dead, alive = make_backend(), make_backend()
    proxy = start_proxy(dead, alive, **STALE)
    dead.close()
    assert [post(proxy.port, b"order").status for _ in range(12)] == [200] * 12
    assert alive.count() == 12


def test_kill_9_of_a_backend_under_load_fails_no_idempotent_request(start_demo, start_proxy):
    demos = start_demo(3)
    proxy = start_proxy(*demos)
    load = Load(proxy.port).start()
    load.after(300)
    demos[0].kill()
    proxy.until_active(2)
    load.after(300)
    demos[0].start()
    proxy.until_active(3)
    load.after(300)
    outcomes = load.stop()
    assert list(outcomes.statuses) == [200], outcomes
    assert not outcomes.failures, outcomes


def test_a_backend_that_closes_idle_connections_fails_no_post(make_backend, start_proxy):
    def answer_and_close(request):
        request.connection.sendall(response("bye"))
        return False  # closes, though keep-alive was agreed

    backend = make_backend(answer_and_close)
    proxy = start_proxy(backend)
    with Client(proxy.port) as client:
        for number in range(1, 21):
            assert client.request("POST", body=b"x").status == 200, number
            eventually(lambda: not backend.connections, what="the backend has closed its connection")


def test_a_backend_that_never_answers_gives_504(make_backend, start_proxy):
    gate = Gate()
    proxy = start_proxy(make_backend(gate.answer), FIRST_BYTE_TIMEOUT="300ms")
    assert proxy.get().status == 504
    gate.opened.set()
    assert proxy.request_lines(1, status=504)[0]["cause"] == "first_byte_timeout"


def test_a_backend_that_accepts_nothing_gives_504(start_proxy):
    # A listener whose queue is full drops further handshakes: connecting hangs.
    port = reserve_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1)

        class Mute:
            member = f"http://127.0.0.1:{port}"

        proxy = start_proxy(Mute, CONNECT_TIMEOUT="300ms", **STALE)
        fillers = []
        try:
            for _ in range(8):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                fillers.append(filler)
            assert proxy.get().status == 504
        finally:
            for filler in fillers:
                filler.close()
    assert proxy.request_lines(1, status=504)[0]["cause"] == "connect_timeout"


@pytest.mark.parametrize(
    "answer",
    [
        b"GARBAGE\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["status line", "two lengths", "negative length", "folded field", "NUL in a field", "unsolicited 101"],
)
def test_a_malformed_response_gives_502(make_backend, start_proxy, answer):
    proxy = start_proxy(make_backend(lambda request: answer))
    assert proxy.get().status == 502
    assert proxy.request_lines(1, status=502)


def test_a_truncated_response_is_cut_for_the_client_too_and_shows_in_the_log(make_backend, start_proxy):
    def half(request):
        request.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return False

    proxy = start_proxy(make_backend(half))
    with Client(proxy.port) as client, pytest.raises(http.client.IncompleteRead):
        client.get()
    assert proxy.request_lines(1)[0]["cause"] == "upstream_truncated"


def test_a_client_that_leaves_is_logged_499_and_is_not_the_backends_fault(make_backend, start_proxy):
    gate = Gate()
    backend = make_backend(lambda request: gate.answer(request) if request.path == "/slow" else response())
    proxy = start_proxy(backend)
    with RawConnection(proxy.port) as client:
        client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert gate.reached.wait(10)
    line = proxy.request_lines(1, status=499)[0]
    assert line["cause"] == "client_gone"
    gate.opened.set()
    assert proxy.get().status == 200
    assert proxy.metric("gopherproxy_backend_ejections_total") == 0


def test_a_request_that_breaks_http_is_refused_and_never_forwarded(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    for head, status in (
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        ("GET /" + "x" * 70000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x" * 70000 + "\r\n\r\n", 431),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),  # 400 or 505; what counts is that nothing is forwarded
    ):
        with RawConnection(proxy.port) as client:
            client.send(head.encode("latin-1"))
            answered, _ = client.read_head()
            assert answered == status or (status is None and answered in (400, 505)), head[:60]
    assert backend.count() == 0


def test_idle_clients_leave_descriptors_for_the_metrics_port_and_for_upstreams(make_backend, redis, start, tmp_path):
    redis.add(make_backend().member)
    proxy = Proxy(tmp_path, redis.url, WORKERS=2)
    proxy.command = ["sh", "-c", 'ulimit -n 256 && exec "$0" "$@"', *proxy.command]
    start(proxy).until_active(1)
    with RawConnection(proxy.port) as early:
        eventually(lambda: proxy.metric("gopherproxy_downstream_connections") == 1, what="it was accepted")
        idle = [socket.create_connection(("127.0.0.1", proxy.port), timeout=5) for _ in range(400)]
        try:
            eventually(lambda: proxy.log(msg="accepting paused"), what="the proxy has accepted all it can")
            full = proxy.metric("gopherproxy_downstream_connections_limit")
            assert full == 2 * 28, "two descriptors for each, an eighth for pipes, and 128 for all else"
            eventually(lambda: proxy.metric("gopherproxy_downstream_connections") == full, what="and that it is full")
            assert get(proxy.metrics_port, "/healthz").status == 200
            early.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert early.read_head()[0] == 200
        finally:
            for connection in idle:
                connection.close()
    assert proxy.log(msg="fewer connections than MAX_CONNECTIONS: the limit on open files is too low")
