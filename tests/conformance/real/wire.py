"""A strict reader of HTTP/1.1 messages: what two recipients might read differently is a violation.

HTTP/1.0 in a first line is let pass here: HAProxy keeps the version that it was sent, which confuses nobody. The C++
reader, which judges gopher-proxy alone, does not.
"""

import re
from dataclasses import dataclass, field

REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP/1\.[01]")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
FORBIDDEN_TRAILERS = (b"content-length", b"transfer-encoding", b"host", b"authorization")


class Unfinished(Exception):
    pass


class Violation(Exception):
    pass


@dataclass
class Message:
    first_line: bytes
    status: int = 0
    fields: list = field(default_factory=list)  # (lower-case name, value)
    framing: str = "none"
    body: bytes = b""
    trailers: list = field(default_factory=list)
    whole: bool = False

    def all(self, name):
        return [value for key, value in self.fields if key == name]


@dataclass
class Reading:
    messages: list = field(default_factory=list)
    rest: bytes = b""
    violation: str = ""


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def line(self):
        match = re.compile(rb"[\r\n]").search(self.data, self.at)
        if not match or self.data[match.start() :] == b"\r":
            raise Unfinished
        end = match.start()
        if self.data[end : end + 2] != b"\r\n":
            raise Violation(f"line end: {self.data[self.at : end + 2]!r}")
        line, self.at = self.data[self.at : end], end + 2
        return line

    def fields(self, into):
        while line := self.line():
            match = FIELD_LINE.fullmatch(line)
            if not match:
                raise Violation(f"field line: {line!r}")
            into.append((match[1].lower().decode(), match[2]))

    def framing(self, message):
        lengths, codings = message.all("content-length"), message.all("transfer-encoding")
        if len(lengths) + len(codings) > 1:
            raise Violation(f"more than one framing: {message.first_line!r}")
        if lengths and not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
            raise Violation(f"Content-Length: {lengths[0]!r}")
        if codings and codings[0].lower() != b"chunked":
            raise Violation(f"Transfer-Encoding: {codings[0]!r}")
        return "length" if lengths else "chunked" if codings else "none"

    def length(self, message):
        size = int(message.all("content-length")[0])
        message.framing, message.body = "length", self.data[self.at : self.at + size]
        self.at += len(message.body)
        if len(message.body) < size:
            raise Unfinished
        message.whole = True

    def chunks(self, message):
        message.framing = "chunked"
        while True:
            line = self.line()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", line):
                raise Violation(f"chunk size: {line!r}")
            size = int(line, 16)
            if size == 0:
                break
            message.body += self.data[self.at : self.at + size]
            end = self.data[self.at + size : self.at + size + 2]
            if len(end) < 2 and b"\r\n".startswith(end):
                raise Unfinished
            if end != b"\r\n":
                raise Violation(f"no CRLF after chunk data: {end!r}")
            self.at += size + 2
        self.fields(message.trailers)
        for name, _ in message.trailers:
            if name.encode() in FORBIDDEN_TRAILERS:
                raise Violation(f"trailer: {name}")
        message.whole = True

    def rest(self, message, framing, whole):
        message.framing, message.body, message.whole = framing, self.data[self.at :], whole
        self.at = len(self.data)


def _read(data, one):
    reading, reader = Reading(), _Reader(data)
    while reader.at < len(data):
        begin, count = reader.at, len(reading.messages)
        try:
            one(reader, reading.messages)
        except Unfinished:
            if len(reading.messages) == count:
                reading.rest = data[begin:]
            break
        except Violation as violation:
            reading.violation = str(violation)
            break
    return reading


def read_requests(data):
    def one(reader, messages):
        line = reader.line()
        if not REQUEST_LINE.fullmatch(line):
            raise Violation(f"request line: {line!r}")
        message = Message(line)
        reader.fields(message.fields)
        messages.append(message)
        hosts = len(message.all("host"))
        if hosts > 1 or (hosts == 0 and line.endswith(b"1.1")):
            raise Violation(f"not one Host: {line!r}")
        framing = reader.framing(message)
        if framing == "length":
            reader.length(message)
        elif framing == "chunked":
            reader.chunks(message)
        else:
            message.whole = True

    return _read(data, one)


def read_responses(data, to_head=(), ended=False):
    finals = [0]

    def one(reader, messages):
        line = reader.line()
        match = STATUS_LINE.fullmatch(line)
        if not match:
            raise Violation(f"status line: {line!r}")
        message = Message(line, int(match[1]))
        reader.fields(message.fields)
        messages.append(message)
        if message.status == 101:
            reader.rest(message, "tunnel", ended)
            return
        interim = message.status < 200
        is_to_head = not interim and finals[0] < len(to_head) and to_head[finals[0]]
        finals[0] += not interim
        framing = reader.framing(message)
        if (interim or message.status == 204) and framing != "none":
            raise Violation(f"framing where there is no body: {line!r}")
        if interim or is_to_head or message.status in (204, 304):
            message.whole = True
        elif framing == "length":
            reader.length(message)
        elif framing == "chunked":
            reader.chunks(message)
        else:
            reader.rest(message, "until_close", ended)

    return _read(data, one)
