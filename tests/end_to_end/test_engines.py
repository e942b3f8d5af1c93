"""What the workers do their input and output with: each engine carries the same traffic, and epoll takes over where the
system forbids io_uring. (The other files run with the engine that IO_ENGINE names, or else the proxy's choice.)"""

import ctypes
import hashlib
import os
import platform
import socket
import struct
import threading
import time

import pytest
from harness.backend import Gate, end_chunks, response, send_chunk
from harness.gopher import Proxy
from harness.http import Client, RawConnection, get, post
from harness.load import Load
from harness.polling import eventually

MIB = 1 << 20
ENGINES = ("io_uring", "epoll")


def chosen_engine(proxy):
    (line,) = eventually(lambda: proxy.log(msg="proxy started"), what="the line of the start")
    return line["io_engine"]


@pytest.fixture(params=ENGINES)
def proxy_of_engine(request, start_proxy):
    """start_proxy, with each engine; skipped where the system has it not."""

    def start(*backends, **settings):
        proxy = start_proxy(*backends, IO_ENGINE=request.param, **settings)
        if chosen_engine(proxy) != request.param:
            pytest.skip(f"{request.param} is not to be had here")
        return proxy

    return start


def test_many_clients_at_once_are_each_answered(make_backend, proxy_of_engine):
    proxy = proxy_of_engine(make_backend())
    load = Load(proxy.port, clients=16).start()
    load.after(2000)
    outcomes = load.stop()
    assert not outcomes.failures


def test_long_bodies_both_ways_arrive_unaltered(make_backend, proxy_of_engine):
    body = os.urandom(MIB) * 16

    def answer(request):
        return response(body if request.method == "GET" else hashlib.sha256(request.body).hexdigest().encode())

    proxy = proxy_of_engine(make_backend(answer))
    assert get(proxy.port).body == body
    assert post(proxy.port, body).body.decode() == hashlib.sha256(body).hexdigest()


def test_an_urgent_byte_in_a_long_body_is_skipped_and_holds_nothing_up(make_backend, proxy_of_engine):
    """splice never passes one, and poll says again and again that there is something to read: the proxy went round and
    round, with no time-out."""
    backend = make_backend(lambda request: response(hashlib.sha256(request.body).hexdigest().encode()))
    proxy = proxy_of_engine(backend)
    body = os.urandom(MIB)
    with RawConnection(proxy.port) as client:
        client.send(f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {MIB}\r\n\r\n")
        client.send(body[:200_000])
        eventually(lambda: proxy.metric("gopherproxy_upstream_connections") == 1, what="the body is on its way")
        time.sleep(0.2)  # until all of it has been moved
        client.socket.send(b"!", socket.MSG_OOB)
        client.send(body[200_000:])
        assert client.read_head()[0] == 200
        assert client.read_exactly(64).decode() == hashlib.sha256(body).hexdigest()


def test_a_client_that_reads_nothing_holds_the_backend_back(make_backend, proxy_of_engine):
    sent = [0]
    stopped = threading.Event()

    def endless(request):
        request.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        request.connection.settimeout(2)
        try:
            while sent[0] < 512 * MIB:
                send_chunk(request.connection, bytes(MIB))
                sent[0] += MIB
        except OSError:
            pass
        stopped.set()
        return False

    proxy = proxy_of_engine(make_backend(endless), WORKERS="1")
    before = proxy.memory()
    with RawConnection(proxy.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.read_head()
        assert stopped.wait(30)
        assert sent[0] < 64 * MIB
        assert proxy.memory() - before < 8 * MIB


def test_a_body_that_the_backend_cuts_is_cut_for_the_client(make_backend, proxy_of_engine):
    def cut(request):
        request.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return False

    proxy = proxy_of_engine(make_backend(cut))
    with RawConnection(proxy.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.read_head()
        assert client.read_to_end() == b"only this"
    assert proxy.request_lines(1, cause="upstream_truncated")


def test_chunks_are_passed_on_as_they_come(make_backend, proxy_of_engine):
    gate = threading.Event()

    def two_chunks(request):
        request.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        send_chunk(request.connection, b"first")
        assert gate.wait(10)
        send_chunk(request.connection, b"second")
        end_chunks(request.connection)

    proxy = proxy_of_engine(make_backend(two_chunks))
    with RawConnection(proxy.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.read_head()
        assert b"first" in client.read_until(b"first\r\n")
        gate.set()
        assert b"second" in client.read_until(b"0\r\n\r\n")


def test_a_drain_lets_the_request_in_flight_end(make_backend, proxy_of_engine):
    gate = Gate()
    proxy = proxy_of_engine(make_backend(gate.answer))
    with Client(proxy.port) as client:
        client.connection.request("GET", "/")
        assert gate.reached.wait(10)
        proxy.signal()
        eventually(lambda: not proxy.ready(), what="not ready")
        gate.opened.set()
        assert client.connection.getresponse().status == 200
    assert proxy.wait() == 0


# As a container's policy does: io_uring_setup fails with EPERM, everything else is allowed.
def forbid_io_uring():
    io_uring_setup, eperm = 425, 1
    load, equal, answer = 0x20, 0x15, 0x06
    program = [
        (load, 0, 0, 0),  # the number of the system call
        (equal, 0, 1, io_uring_setup),
        (answer, 0, 0, 0x00050000 | eperm),
        (answer, 0, 0, 0x7FFF0000),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None)
    set_no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    assert libc.prctl(set_no_new_privileges, 1, 0, 0, 0) == 0
    assert libc.prctl(set_seccomp, mode_filter, ctypes.c_void_p(ctypes.addressof(header)), 0, 0) == 0


class Confined(Proxy):
    before_exec = staticmethod(forbid_io_uring)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the filter knows no other machine")
@pytest.mark.parametrize("wanted", ("auto", "io_uring"))
def test_where_io_uring_is_forbidden_epoll_takes_over_and_says_so(make_backend, start, tmp_path, wanted):
    backend = make_backend()
    proxy = start(Confined(tmp_path, TARGETS=backend.target, IO_ENGINE=wanted)).until_active(1)
    assert chosen_engine(proxy) == "epoll"
    (line,) = proxy.log(msg="io_uring is not to be had here: the workers use epoll")
    assert line["reason"] == "io_uring_setup: Operation not permitted"
    assert proxy.get().status == 200


def test_epoll_that_was_asked_for_is_no_refusal(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), IO_ENGINE="epoll")
    assert chosen_engine(proxy) == "epoll"
    assert not proxy.log(msg="io_uring is not to be had here: the workers use epoll")
