"""Bringing the stack down. Runs last, as its files are run in the order of their names."""

import threading

from harness.http import Client
from harness.load import Load
from harness.polling import eventually
from stack import OURS


def test_a_stop_lets_requests_in_flight_finish_and_everything_ends_by_itself(stack, gate):
    port = stack.port("gopher-proxy", 8080)
    stack.compose("stop", "demo-1", "demo-2", "demo-3")
    stack.until_active(1)  # the one on the host, whose answer this test holds back
    load = Load(port, clients=4).start()
    load.after(100)
    with Client(port, timeout=60) as client:
        client.connection.request("GET", "/slow")
        assert gate.reached.wait(20)
        stopping = threading.Thread(target=stack.compose, args=("stop",))
        stopping.start()
        eventually(lambda: stack.metric("gopherproxy_draining") == 1, 40, "the proxy drains", every=0.1)
        assert stopping.is_alive(), "the proxy waits for the request in flight"
        gate.opened.set()
        answer = client.connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"late but whole")
    stopping.join(timeout=60)
    assert not stopping.is_alive()
    outcomes = load.stop()
    assert set(outcomes.statuses) == {200} and not outcomes.cut, outcomes
    for service in OURS:
        state = stack.inspect(service)["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), service
