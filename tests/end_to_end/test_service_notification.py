"""What the binaries tell a service manager: ready, alive, stopping (sd_notify's protocol, on a socket of the test)."""

import os
import signal
import socket
import tempfile

import pytest
from harness.backend import Gate, response
from harness.gopher import Proxy
from harness.http import Client
from harness.polling import eventually
from harness.ports import reserve_port


class Manager:
    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []  # each message as a dict

    def settings(self, watchdog_ms=200):
        return {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": str(watchdog_ms * 1000)}

    def hear(self):
        self.socket.setblocking(False)
        while True:
            try:
                message = self.socket.recv(4096).decode()
            except BlockingIOError:
                return self.heard
            self.heard.append(dict(line.split("=", 1) for line in message.splitlines()))

    def told(self, name, **more):
        return [message for message in self.hear() if name in message and more.items() <= message.items()]


@pytest.fixture
def manager():
    # Not under tmp_path: the path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="gopher-") as folder:
        manager = Manager(folder)
        yield manager
        manager.socket.close()


def test_the_proxy_says_ready_then_again_and_again_that_it_lives_and_how_it_is(manager, make_backend, start_proxy):
    start_proxy(make_backend(), **manager.settings())
    eventually(lambda: len(manager.told("WATCHDOG", STATUS="ready: 1 of 1 backend live")) >= 5)
    assert manager.heard[0]["READY"] == "1"
    assert len(manager.told("READY")) == 1


def test_the_proxy_is_ready_for_the_manager_though_redis_is_down(manager, start, tmp_path):
    start(Proxy(tmp_path, f"127.0.0.1:{reserve_port()}", **manager.settings()))
    eventually(lambda: [said for said in manager.told("WATCHDOG") if said["STATUS"].startswith("starting: ")])
    assert manager.heard[0]["READY"] == "1"


def test_while_it_drains_it_says_so_with_the_time_it_needs_and_stays_alive(manager, make_backend, start_proxy):
    gate = Gate()
    backend = make_backend(lambda request: gate.answer(request) if request.path == "/slow" else response())
    proxy = start_proxy(backend, DRAIN_TIMEOUT="20s", **manager.settings())
    with Client(proxy.port) as client:
        client.connection.request("GET", "/slow")
        assert gate.reached.wait(10)
        proxy.signal()
        (stopping,) = eventually(lambda: manager.told("STOPPING"))
        assert stopping == {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": "30000000", "STATUS": "draining"}
        eventually(lambda: len(manager.told("WATCHDOG", STATUS="draining")) >= 5)
        gate.opened.set()
        assert client.connection.getresponse().status == 200
    assert proxy.wait() == 0


def test_a_process_that_hangs_says_nothing(manager, make_backend, start_proxy):
    proxy = start_proxy(make_backend(), **manager.settings())
    eventually(lambda: manager.told("WATCHDOG"))
    proxy.signal(signal.SIGSTOP)
    try:
        manager.hear()
        manager.heard.clear()
        with pytest.raises(AssertionError):
            eventually(lambda: manager.hear(), within=1)
    finally:
        proxy.signal(signal.SIGCONT)
    eventually(lambda: manager.told("WATCHDOG"))


def test_the_sentinel_speaks_likewise(manager, make_backend, start_sentinel):
    sentinel = start_sentinel(make_backend(), **manager.settings())
    eventually(lambda: len(manager.told("WATCHDOG", STATUS="probing 1 target")) >= 3)
    assert manager.heard[0]["READY"] == "1"
    assert sentinel.stop() == 0
    assert manager.told("STOPPING")


def test_a_manager_that_cannot_be_told_is_named_in_the_log(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), NOTIFY_SOCKET="/nonexistent/notify")
    assert proxy.log(msg="the service manager cannot be told that the proxy is ready", level="WARN")
