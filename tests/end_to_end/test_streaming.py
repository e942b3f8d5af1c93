"""Long and living transfers: tunnels, event streams, bodies of a gigabyte in bounded memory."""

import base64
import gzip
import hashlib
import socket
import tempfile
import threading

import pytest
from harness.backend import end_chunks, response, send_chunk
from harness.http import Client, RawConnection
from harness.polling import eventually

GIB = 1 << 30
MIB = 1 << 20


def frame(payload, masked):
    """One WebSocket text frame (RFC 6455, section 5.2)."""
    data = payload.encode()
    assert len(data) < 126
    if not masked:
        return bytes([0x81, len(data)]) + data
    key = b"\x01\x02\x03\x04"
    return bytes([0x81, 0x80 | len(data)]) + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


def websocket_echo(request):
    """Accepts the handshake and sends each frame back unmasked, until the client half-closes."""
    if request["Upgrade"] is None:
        return response("plain")
    accept = hashlib.sha1((request["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    request.connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(accept)
        + b"\r\n\r\n"
    )
    reader = request.reader
    while head := reader.read(2):
        key = reader.read(4)
        data = bytes(byte ^ key[i % 4] for i, byte in enumerate(reader.read(head[1] & 0x7F)))
        request.connection.sendall(frame(data.decode(), masked=False))
    request.connection.sendall(frame("goodbye", masked=False))
    return False


HANDSHAKE = (
    "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_websocket_echoes_through_the_proxy_and_its_half_close_arrives(make_backend, start_proxy):
    proxy = start_proxy(make_backend(websocket_echo))
    with RawConnection(proxy.port) as client:
        client.send(HANDSHAKE)
        status, head = client.read_head()
        assert status == 101
        assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in head.lower()  # RFC 6455, section 1.3
        for text in ("hello", "a second one", "x" * 125):
            client.send(frame(text, masked=True))
            assert client.read_exactly(len(text) + 2) == frame(text, masked=False)
        client.half_close()
        assert client.read_to_end() == frame("goodbye", masked=False)
    assert proxy.request_lines(1, status=101)[0]["cause"] == "upgraded"


def test_a_frame_sent_along_with_the_handshake_is_not_lost(make_backend, start_proxy):
    proxy = start_proxy(make_backend(websocket_echo))
    with RawConnection(proxy.port) as client:
        client.send(HANDSHAKE.encode() + frame("early", masked=True))
        assert client.read_head()[0] == 101
        assert client.read_exactly(7) == frame("early", masked=False)


def test_a_tunnel_outlives_the_drain_until_its_deadline(make_backend, start_proxy):
    proxy = start_proxy(make_backend(websocket_echo), DRAIN_TIMEOUT="1s")
    with RawConnection(proxy.port) as client:
        client.send(HANDSHAKE)
        assert client.read_head()[0] == 101
        proxy.signal()
        eventually(lambda: not proxy.ready(), what="draining")
        client.send(frame("still here", masked=True))
        assert client.read_exactly(12) == frame("still here", masked=False)
        assert client.read_to_end() == b""
        assert proxy.wait(within=5) == 0
    assert proxy.log(msg="request", status=101, cause="drain_deadline")


def test_a_refused_upgrade_is_an_ordinary_response(make_backend, start_proxy):
    proxy = start_proxy(make_backend(lambda request: response("no", "426 Upgrade Required")))
    with RawConnection(proxy.port) as client:
        client.send(HANDSHAKE)
        assert client.read_head()[0] == 426
        assert client.read_exactly(2) == b"no"


def test_events_arrive_as_they_are_sent(make_backend, start_proxy):
    """The backend sends the next event only once the client has the one before: a buffer anywhere would hang it."""
    received = threading.Semaphore(0)

    def events(request):
        request.connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for number in range(5):
            send_chunk(request.connection, b"data: event %d\n\n" % number)
            assert received.acquire(timeout=10)
        end_chunks(request.connection)

    proxy = start_proxy(make_backend(events))
    with Client(proxy.port) as client:
        client.connection.request("GET", "/events")
        answer = client.connection.getresponse()
        assert answer.getheader("Content-Type") == "text/event-stream"
        for number in range(5):
            assert answer.readline() == b"data: event %d\n" % number
            assert answer.readline() == b"\n"
            received.release()
        assert answer.read() == b""


def test_an_upload_arrives_as_it_is_sent(make_backend, start_proxy):
    arrived = threading.Semaphore(0)

    def receive(request):
        pieces = []
        for _ in range(3):
            size = int(request.reader.readline(), 16)
            pieces.append(request.reader.read(size))
            request.reader.readline()
            arrived.release()
        assert request.reader.readline() == b"0\r\n"
        request.reader.readline()
        return response(b"".join(pieces))

    proxy = start_proxy(make_backend(receive, read_body=False))
    with RawConnection(proxy.port) as client:
        client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"one", b"two", b"three"):
            send_chunk(client.socket, piece)
            assert arrived.acquire(timeout=10), piece
        end_chunks(client.socket)
        assert client.read_head()[0] == 200
        assert client.read_exactly(11) == b"onetwothree"


class Bulk:
    """Sends and receives bodies of a length, in large pieces and with nothing in between, and tells how far it is."""

    piece = memoryview(bytes(range(256)) * 4096)  # 1 MiB

    def __init__(self):
        self.sent = 0

    def __call__(self, request):
        if request.method == "GET":
            length = int(request.path.rpartition("/")[2])
            request.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
            self.sent = 0
            while self.sent < length:
                self.sent += request.connection.send(self.piece[: min(MIB, length - self.sent)])
            return None
        received, buffer = 0, bytearray(MIB)
        length = int(request["Content-Length"])
        while received < length:
            count = request.reader.readinto(memoryview(buffer)[: min(MIB, length - received)])
            assert count, f"closed after {received} bytes"
            received += count
        return response(str(received))


@pytest.fixture
def bulk():
    return Bulk()


def warmed_up(proxy):
    """Its resident memory once it has served small requests both ways."""
    with Client(proxy.port) as client:
        assert len(client.get("/1000").body) == 1000
        assert client.request("POST", body=b"x" * 1000).body == b"1000"
    return proxy.memory("VmRSS")


@pytest.mark.slow
def test_a_gibibyte_down_grows_the_proxys_memory_by_less_than_16_mib(make_backend, start_proxy, bulk):
    proxy = start_proxy(make_backend(bulk, read_body=False))
    before = warmed_up(proxy)
    with RawConnection(proxy.port, timeout=60) as client:
        client.send(f"GET /{GIB} HTTP/1.1\r\nHost: x\r\n\r\n")
        status, head = client.read_head()
        assert status == 200 and f"content-length: {GIB}" in head.lower()
        received, buffer = len(client.pending), bytearray(MIB)
        while received < GIB:
            count = client.socket.recv_into(buffer)
            assert count, f"closed after {received} bytes"
            received += count
    assert received == GIB
    assert proxy.memory("VmHWM") - before < 16 * MIB
    assert proxy.request_lines(1, path=f"/{GIB}")[0]["bytes_out"] == GIB


@pytest.mark.slow
def test_a_gibibyte_up_grows_the_proxys_memory_by_less_than_16_mib(make_backend, start_proxy, bulk):
    proxy = start_proxy(make_backend(bulk, read_body=False))
    before = warmed_up(proxy)
    with RawConnection(proxy.port, timeout=60) as client, tempfile.TemporaryFile() as file:
        file.truncate(GIB)  # sparse: zeros that take no room
        client.send(f"POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: {GIB}\r\n\r\n")
        assert client.socket.sendfile(file) == GIB
        assert client.read_head()[0] == 200
        assert client.read_exactly(len(str(GIB))) == str(GIB).encode()
    assert proxy.memory("VmHWM") - before < 16 * MIB
    assert proxy.request_lines(1, path="/up")[0]["bytes_in"] == GIB


def test_a_client_that_does_not_read_stops_the_backend(make_backend, start_proxy, bulk):
    length = 128 * MIB
    proxy = start_proxy(make_backend(bulk, read_body=False))
    before = warmed_up(proxy)
    with RawConnection(proxy.port, timeout=30) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(f"GET /{length} HTTP/1.1\r\nHost: x\r\n\r\n")
        history = []

        def stands_still():
            history.append(bulk.sent)
            return len(history) > 15 and bulk.sent > 0 and len(set(history[-15:])) == 1

        eventually(stands_still, what="the backend's sending stops")
        assert bulk.sent < length / 2
        assert proxy.memory("VmHWM") - before < 16 * MIB
        # Once it reads again, all of it comes.
        assert client.read_head()[0] == 200
        received = len(client.pending)
        while received < length:
            count = len(client.socket.recv(MIB))
            assert count
            received += count
        assert received == length


def test_response_bytes_are_never_altered(make_backend, start_proxy):
    packed = gzip.compress(b"the same words over and over " * 100)

    def compressed(request):
        return response(packed, headers=["Content-Encoding: gzip", "ETag: \"abc\"", "X-Own: a", "X-Own: b"])

    proxy = start_proxy(make_backend(compressed))
    for headers in ({}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}):
        answer = proxy.get(headers=headers)
        assert answer.body == packed
        assert (answer["Content-Encoding"], answer["ETag"]) == ("gzip", '"abc"')
        assert answer.headers.get_all("X-Own") == ["a", "b"]


def test_a_chunked_response_reaches_an_old_client_ended_by_the_close(make_backend, start_proxy):
    def chunks(request):
        request.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        send_chunk(request.connection, b"first ")
        send_chunk(request.connection, b"second")
        end_chunks(request.connection)

    proxy = start_proxy(make_backend(chunks))
    assert proxy.get().body == b"first second"
    with RawConnection(proxy.port) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        status, head = client.read_head()
        assert status == 200 and "transfer-encoding" not in head.lower()
        assert client.read_to_end() == b"first second"


def test_pipelined_requests_are_answered_in_order(make_backend, start_proxy):
    proxy = start_proxy(make_backend(lambda request: response(request.path)))
    with RawConnection(proxy.port) as client:
        client.send("".join(f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n" for number in range(10)))
        for number in range(10):
            assert client.read_head()[0] == 200
            assert client.read_exactly(2) == b"/%d" % number


def test_expect_100_continue_waits_for_the_backends_word(make_backend, start_proxy):
    def asks_first(request):
        assert request["Expect"] == "100-continue"
        request.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return response(request.reader.read(5))

    proxy = start_proxy(make_backend(asks_first, read_body=False))
    with RawConnection(proxy.port) as client:
        client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_head()[0] == 100
        client.send("hello")
        assert client.read_head()[0] == 200
        assert client.read_exactly(5) == b"hello"


def test_head_has_the_length_and_no_body(make_backend, start_proxy):
    proxy = start_proxy(make_backend(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"))
    with Client(proxy.port) as client:
        for _ in range(3):
            answer = client.request("HEAD")
            assert (answer.status, answer["Content-Length"], answer.body) == (200, "12345", b"")
