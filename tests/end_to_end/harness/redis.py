"""A real redis-server of the test's own, and a client that speaks to it."""

import shutil
import socket

from .polling import eventually
from .ports import reserve_port
from .process import Process

SET = "gopher_backends"


class RedisError(ValueError):
    pass


class RedisClient:
    """One connection a command: nothing to keep in step with the server's restarts."""

    def __init__(self, port, password=None, database=0):
        self.port, self.password, self.database = port, password, database

    def __call__(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            reader = connection.makefile("rb")
            if self.password:
                self._exchange(connection, reader, "AUTH", self.password)
            if self.database:
                self._exchange(connection, reader, "SELECT", self.database)
            return self._exchange(connection, reader, *words)

    @classmethod
    def _exchange(cls, connection, reader, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        connection.sendall(request)
        return cls._reply(reader)

    @classmethod
    def _reply(cls, reader):
        line = reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            value = reader.read(int(rest) + 2)
            return value[:-2].decode(errors="surrogateescape")
        if kind == b"*":
            return [cls._reply(reader) for _ in range(int(rest))]
        raise RedisError(f"no RESP reply: {line!r}")


class Redis(Process):
    def __init__(self, folder, name="redis", password=None, database=0):
        self.port = reserve_port()
        data = folder / name
        data.mkdir()
        server = shutil.which("redis-server")
        assert server, "redis-server is not installed (./dev test installs it)"
        command = [server, "--port", self.port, "--bind", "127.0.0.1", "--dir", data]
        command += ["--save", "", "--appendonly", "yes"]
        if password:
            command += ["--requirepass", password]
        super().__init__(name, command, folder)
        self.command_ = RedisClient(self.port, password, database)

    @property
    def url(self):
        return f"localhost:{self.port}"

    def __call__(self, *words):
        return self.command_(*words)

    def start(self):
        super().start()
        eventually(lambda: self("PING") == "PONG", what="Redis answers")
        return self

    def restart(self):
        assert self.stop() == 0
        self.start()

    def add(self, *backends):
        """Puts them into the set as the sentinel does; each is a port or a whole member."""
        for backend in backends:
            self("SADD", SET, backend if isinstance(backend, (str, bytes)) else f"http://127.0.0.1:{backend}")

    def remove(self, *backends):
        for backend in backends:
            self("SREM", SET, backend if isinstance(backend, (str, bytes)) else f"http://127.0.0.1:{backend}")

    def members(self):
        return set(self("SMEMBERS", SET))

    def calls(self, command):
        """How often clients have called a command since the server started."""
        for line in self("INFO", "commandstats").splitlines():
            if line.startswith(f"cmdstat_{command.lower()}:"):
                return int(line.split("calls=")[1].split(",")[0])
        return 0
