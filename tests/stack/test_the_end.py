"""Bringing the stack down. Runs last, as its files are run in the order of their names."""

from concurrent.futures import ThreadPoolExecutor

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
    with Client(port, timeout=60) as client, ThreadPoolExecutor() as background:
        client.connection.request("GET", "/slow")
        assert gate.reached.wait(20)
        stopping = background.submit(stack.compose, "stop")
        eventually(lambda: stack.metric("gopherproxy_draining") == 1, 40, "the proxy drains", every=0.1)
        assert not stopping.done(), "the proxy waits for the request in flight"
        gate.opened.set()
        answer = client.connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"late but whole")
        stopping.result(timeout=60)
    outcomes = load.stop()
    assert set(outcomes.statuses) == {200} and not outcomes.cut and not outcomes.lost, outcomes
    for service in OURS:
        state = stack.inspect(service)["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), service
