"""HTTP/1.1 clients: one that is right, and one that sends and reads bytes."""

import http.client
import socket
from dataclasses import dataclass


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def __getitem__(self, name):
        return self.headers[name]


class Client:
    """A keep-alive connection. After the server closed it, the next request opens a new one, as browsers do."""

    def __init__(self, port, source="127.0.0.1", timeout=15):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(source, 0))

    def request(self, method, path="/", body=None, headers=None):
        self.connection.request(method, path, body=body, headers=headers or {})
        response = self.connection.getresponse()
        return Response(response.status, response.headers, response.read())

    def get(self, path="/", headers=None):
        return self.request("GET", path, headers=headers)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def get(port, path="/", headers=None, source="127.0.0.1"):
    """One request on a connection of its own."""
    with Client(port, source) as client:
        return client.get(path, headers)


def post(port, body, path="/", headers=None):
    with Client(port) as client:
        return client.request("POST", path, body, headers)


class RawConnection:
    """Bytes as they are. Reading past a bound or a time fails."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.pending = b""

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def read_until(self, end, bound=1 << 20):
        end = end.encode() if isinstance(end, str) else end
        while end not in self.pending:
            assert len(self.pending) < bound, f"no {end!r} within {bound} bytes"
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"closed before {end!r}; got {self.pending!r}")
            self.pending += piece
        cut = self.pending.index(end) + len(end)
        found, self.pending = self.pending[:cut], self.pending[cut:]
        return found

    def read_head(self):
        """The status code and the whole head."""
        head = self.read_until(b"\r\n\r\n").decode("latin-1")
        return int(head.split()[1]), head

    def read_exactly(self, count):
        while len(self.pending) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"closed after {len(self.pending)} of {count} bytes")
            self.pending += piece
        found, self.pending = self.pending[:count], self.pending[count:]
        return found

    def read_to_end(self):
        while piece := self.socket.recv(65536):
            self.pending += piece
        found, self.pending = self.pending, b""
        return found

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
