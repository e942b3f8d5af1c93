"""Without Redis: --targets runs the sentinel's probing inside the proxy."""

import pytest
from harness.gopher import Proxy
from harness.polling import eventually
from harness.ports import reserve_port

FAST = {"PROBE_INTERVAL": "100ms", "PROBE_TIMEOUT": "100ms"}


@pytest.fixture
def start_embedded(start, tmp_path):
    def start_embedded(*targets, **settings):
        return start(Proxy(tmp_path, arguments=["--targets", ",".join(targets)], **{**FAST, **settings}))

    return start_embedded


def test_targets_are_probed_and_balanced_over(start_embedded, start_demo):
    demos = start_demo(3)
    proxy = start_embedded(*(demo.target for demo in demos)).until_active(3)
    answers = {proxy.get().body for _ in range(12)}
    assert len(answers) == 3
    assert proxy.ready()


def test_targets_may_come_from_the_environment(start, tmp_path, make_backend):
    backend = make_backend()
    proxy = start(Proxy(tmp_path, TARGETS=f" {backend.target} ", **FAST)).until_active(1)
    assert proxy.get().status == 200


def test_a_dead_target_gets_nothing_and_a_returning_one_takes_traffic_again(start_embedded, start_demo):
    demos = start_demo(2)
    proxy = start_embedded(*(demo.target for demo in demos)).until_active(2)
    demos[0].kill()
    proxy.until_active(1)
    assert [proxy.get().status for _ in range(6)] == [200] * 6
    demos[0].start()
    proxy.until_active(2)


def test_a_death_shows_as_0_and_is_told_once(start_embedded, start_demo):
    """Two probers watch each target, the sentinel's and the proxy's own."""
    demos = start_demo(2)
    proxy = start_embedded(*(demo.target for demo in demos)).until_active(2)
    demos[0].kill()
    proxy.until_active(1)
    eventually(lambda: proxy.log(msg="backend removed"), what="the dead one has left the set")
    up = {dict(labels)["backend"]: value for labels, value in proxy.metrics()["gopherproxy_backend_up"].items()}
    assert up == {demos[0].target: 0, demos[1].target: 1}
    demos[0].start()
    proxy.until_active(2)
    assert proxy.metric("gopherproxy_backend_up") == 2
    lines = proxy.log(msg="backend verdict changed", backend=demos[0].target)
    assert [(line["from"], line["to"]) for line in lines] == [("unknown", "up"), ("up", "down"), ("down", "up")]
    assert proxy.metric("gopherproxy_transitions_total", backend=demos[0].target) == 3


def test_no_target_alive_gives_503(start_embedded):
    proxy = start_embedded(f"127.0.0.1:{reserve_port()}")
    eventually(lambda: proxy.log(msg="backend verdict changed", to="down"), what="it was probed")
    assert proxy.get().status == 503
    assert not proxy.ready()


def test_an_http_probe_decides_by_the_status(start_embedded, make_backend):
    from harness.backend import response

    status = {"now": "200 OK"}
    backend = make_backend(
        lambda request: response(status=status["now"] if request.path == "/health" else "200 OK")
    )
    proxy = start_embedded(backend.target, PROBE_PATH="/health").until_active(1)
    status["now"] = "500 Internal Server Error"
    proxy.until_active(0)
    status["now"] = "302 Found"
    proxy.until_active(1)


def test_sigterm_ends_it_with_0(start_embedded, start_demo):
    (demo,) = start_demo(1)
    assert start_embedded(demo.target).until_active(1).stop(within=5) == 0
