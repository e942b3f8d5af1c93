"""A backend in this process whose answers a test scripts; its requests are counted and kept."""

import socket
import threading
from dataclasses import dataclass, field

from .ports import reserve_port


@dataclass
class Request:
    line: str
    fields: list  # (name, value) in the order received
    body: bytes = b""
    connection: socket.socket = None
    reader: object = None

    @property
    def method(self):
        return self.line.split()[0]

    @property
    def path(self):
        return self.line.split()[1]

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name):
        """The first field of that name, or nothing."""
        return next(iter(self.all(name)), None)


def response(body=b"ok", status="200 OK", headers=()):
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def send_chunk(connection, data):
    connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))


def end_chunks(connection):
    connection.sendall(b"0\r\n\r\n")


class Backend:
    """Serves until closed. `answer(request)` returns the bytes of a response; or it writes to request.connection itself
    and returns None for "go on with the next request" or False for "close this connection".

    read_body=False leaves the request's body in request.reader.
    """

    def __init__(self, answer=None, port=None, read_body=True, address="127.0.0.1"):
        self.answer = answer or (lambda request: response(f"backend {self.port}"))
        self.read_body = read_body
        self.address, self.port = address, port or reserve_port()
        self.requests = []
        self.lock = threading.Lock()
        self.connections = set()
        self.listener = None
        self.listen()

    def listen(self):
        self.listener = socket.create_server((self.address, self.port), backlog=512)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    @property
    def member(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    def count(self):
        with self.lock:
            return len(self.requests)

    def last(self):
        with self.lock:
            return self.requests[-1]

    def stop_listening(self):
        """New connections are refused; those that are open go on."""
        if self.listener:
            # close() alone would not wake the thread in accept().
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def close(self):
        self.stop_listening()
        with self.lock:
            open_now = list(self.connections)
        for connection in open_now:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        reader = connection.makefile("rb", buffering=1 << 16)
        try:
            while (request := self._read(connection, reader)) is not None:
                with self.lock:
                    self.requests.append(request)
                answer = self.answer(request)
                if answer is False:
                    return
                if answer is not None:
                    connection.sendall(answer)
        except (OSError, ValueError):
            pass  # the other side went away: the test sees that from where it looks
        finally:
            reader.close()
            connection.close()
            with self.lock:
                self.connections.discard(connection)

    def _read(self, connection, reader):
        line = reader.readline()
        if not line:
            return None
        fields = []
        while (text := reader.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = text.partition(":")
            fields.append((name, value.strip()))
        request = Request(line.decode("latin-1").rstrip("\r\n"), fields, b"", connection, reader)
        if self.read_body:
            if request["Content-Length"]:
                request.body = reader.read(int(request["Content-Length"]))
            elif (request["Transfer-Encoding"] or "").lower() == "chunked":
                while size := int(reader.readline().split(b";")[0], 16):
                    request.body += reader.read(size)
                    reader.readline()
                while reader.readline() not in (b"\r\n", b""):
                    pass
        return request


@dataclass
class Gate:
    """An answer that waits until the test opens it; `reached` tells that a request is at the backend."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def answer(self, request):
        self.reached.set()
        assert self.opened.wait(timeout=60)
        return response("late but whole")
