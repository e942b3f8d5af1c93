"""The lenient scripted upstream: it takes for a request whatever a careless server would, keeps every raw byte, and
answers as the case under way says (as ../upstream.cpp does)."""

import asyncio
import re
import socket
import struct

from .cases import Reply

PROBE_TARGET = b"/conformance-probe"
OK = Reply(send=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
PROBE = Reply(send=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nprobe")


def reset(transport):
    """Closes by RST."""
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def head_end(data):
    match = re.search(rb"\r\n\r\n|\n\n", data)
    return match.end() if match else 0


def _chunks_end(data, at):
    while (line_end := data.find(b"\n", at)) >= 0:
        size = re.match(rb"\s*(?:0x)?([0-9a-fA-F]*)", data[at:line_end])[1]
        size = int(size or b"0", 16)
        at = line_end + 1
        if size > 0:
            at += size + 2
            if at > len(data):
                return 0
            continue
        while (line_end := data.find(b"\n", at)) >= 0:
            line, at = data[at:line_end], line_end + 1
            if line in (b"", b"\r"):
                return at
        return 0
    return 0


def message_end(data):
    body = head_end(data)
    if body == 0:
        return 0
    head = data[:body].lower()
    if re.search(rb"\ntransfer-encoding[\s\S]*chunked", head):
        return _chunks_end(data, body)
    length = re.search(rb"\ncontent-length:\s*([0-9]{1,15})", head)
    whole = body + (int(length[1]) if length else 0)
    return whole if len(data) >= whole else 0


async def until(condition, event, limit):
    """Whether the condition came to hold; the event is set whenever that may have changed."""
    deadline = asyncio.get_running_loop().time() + limit
    while not condition():
        event.clear()
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        try:
            await asyncio.wait_for(event.wait(), left)
        except asyncio.TimeoutError:
            return condition()
    return True


class Connection(asyncio.Protocol):
    def __init__(self, upstream):
        self.upstream = upstream
        self.received = b""
        self.begin = 0  # of the message under way
        self.head_seen = self.tunnel = self.deaf = self.ended = False
        self.echoed = 0
        self.reply = None
        self.http_bytes = None  # up to the beginning of a tunnel

    def connection_made(self, transport):
        self.transport = transport
        self.upstream.connections.append(self)

    def connection_lost(self, _error):
        self.ended = True
        self.upstream.changed.set()

    def eof_received(self):
        self.ended = True
        self.answer()
        self.upstream.changed.set()
        return not self.deaf  # keep our half open: the script closes

    def data_received(self, data):
        self.received += data
        self.answer()
        self.upstream.changed.set()

    def answer(self):
        while not self.deaf:
            rest = self.received[self.begin :]
            if self.tunnel:
                if self.reply.then.startswith("echo"):
                    self.transport.write(rest[self.echoed :])
                    self.echoed = len(rest)
                    if self.ended:
                        self.transport.write(b"bye")
                    if self.ended or (rest.endswith(b"\n") and self.reply.then == "echo_close"):
                        self.finish("close")
                return
            if not self.head_seen:
                end = head_end(rest)
                if end == 0:
                    break
                self.head_seen = True
                is_probe = rest.startswith(b"GET " + PROBE_TARGET + b" ")
                self.reply = PROBE if is_probe else self.upstream.next_reply()
                self.transport.write(self.reply.on_head)
                if self.reply.on_head.startswith(b"HTTP/1.1 101") and self.reply.then:
                    self.tunnel = True
                    self.begin += end
                    self.http_bytes = self.begin
                    if self.reply.then == "half_close":
                        self.transport.write_eof()
                    continue
                if self.reply.on_head and not self.reply.send:
                    self.finish(self.reply.then)
                continue
            whole = message_end(rest)
            if whole == 0:
                break
            self.begin += whole
            self.head_seen = False
            if self.reply.send or not self.reply.on_head:
                self.transport.write(self.reply.send)
                self.finish(self.reply.then)
        if self.ended and not self.tunnel:
            self.transport.close()

    def finish(self, then):
        if not then:
            return
        self.deaf = True
        if then == "close":
            self.transport.close()
        elif then == "reset":
            reset(self.transport)


class Upstream:
    """One listener; one case at a time."""

    def __init__(self):
        self.connections = []
        self.replies = []
        self.changed = asyncio.Event()
        self.port = None

    async def listen(self, port):
        self.port = port
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Connection(self), "127.0.0.1", port)

    def stop_listening(self):
        self.server.close()

    async def begin(self, case):
        """Ends the connections of the case before, and waits until the proxy has seen that: it must not pool them."""
        for connection in self.connections:
            if not connection.ended and not connection.transport.is_closing():
                try:
                    connection.transport.write_eof()
                except OSError:
                    connection.ended = True
        await until(lambda: all(one.ended for one in self.connections), self.changed, 1)
        for connection in self.connections:
            connection.transport.abort()
        self.connections = []
        self.replies = list(case.upstream)

    def next_reply(self):
        return self.replies.pop(0) if self.replies else OK

    def all_received(self):
        return b"".join(connection.received for connection in self.connections)
