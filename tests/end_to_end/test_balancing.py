"""Requests are spread over the live backends. Counterparts of the original's tests of its pool and its round robin."""

import re
from collections import Counter

from harness.backend import Gate, response
from harness.http import Client, post
from harness.polling import eventually


def server_of(answer):
    """The number in a demo backend's answer."""
    assert answer.status == 200, answer
    return int(re.fullmatch(rb"<h1>GopherProxy Demo: Response from SERVER (\d+)</h1>\s*", answer.body)[1])


def spread(proxy, requests):
    with Client(proxy.port) as client:
        return Counter(server_of(client.get()) for _ in range(requests))


def test_round_robin_gives_three_backends_the_same_number_of_requests(start_demo, start_proxy):
    proxy = start_proxy(*start_demo(3))
    assert spread(proxy, 30) == {1: 10, 2: 10, 3: 10}


def test_a_single_backend_gets_every_request(start_demo, start_proxy):
    proxy = start_proxy(*start_demo(1))
    assert spread(proxy, 10) == {1: 10}


def test_a_dead_backends_share_is_spread_evenly(start_demo, start_proxy):
    demos = start_demo(4)
    proxy = start_proxy(*demos)
    demos[1].kill()
    proxy.until_active(3)
    assert spread(proxy, 30) == {1: 10, 3: 10, 4: 10}


def test_a_dead_backend_that_comes_back_takes_traffic_again(start_demo, start_proxy):
    demos = start_demo(2)
    proxy = start_proxy(*demos)
    demos[0].kill()
    proxy.until_active(1)
    assert spread(proxy, 4) == {2: 4}
    demos[0].start()
    proxy.until_active(2)
    assert spread(proxy, 10) == {1: 5, 2: 5}


def test_a_backend_added_to_the_set_takes_traffic_without_a_restart(start_demo, start_proxy, redis):
    demos = start_demo(3)
    proxy = start_proxy(*demos[:2])
    redis.add(demos[2].member)
    proxy.until_active(3)
    assert spread(proxy, 30) == {1: 10, 2: 10, 3: 10}


def test_a_backend_that_leaves_the_set_gets_no_more_requests_and_finishes_those_in_flight(
    make_backend, start_proxy, redis
):
    gate = Gate()
    leaving = make_backend(lambda request: gate.answer(request) if request.path == "/slow" else response("leaving"))
    staying = make_backend(lambda request: gate.answer(request) if request.path == "/slow" else response("staying"))
    proxy = start_proxy(leaving)
    with Client(proxy.port) as slow:
        slow.connection.request("GET", "/slow")
        assert gate.reached.wait(10)
        redis.add(staying.member)
        redis.remove(leaving.member)
        eventually(lambda: proxy.get().body == b"staying", what="the other backend answers")
        eventually(lambda: proxy.active() == 1)
        before = leaving.count()
        with Client(proxy.port) as client:
            assert {client.get().body for _ in range(10)} == {b"staying"}
        assert leaving.count() == before
        gate.opened.set()
        answer = slow.connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"late but whole")


def test_a_new_backend_takes_no_traffic_before_a_probe_found_it_up(start_demo, start_proxy, redis, make_backend):
    proxy = start_proxy(*start_demo(1))
    dead = make_backend()
    dead.close()
    redis.add(dead.member)
    eventually(lambda: proxy.metric("gopherproxy_registry_members") == 2, what="the proxy has read the new member")
    assert spread(proxy, 10) == {1: 10}
    assert proxy.active() == 1
    assert proxy.metric("gopherproxy_dropped_requests_total") == 0
    assert proxy.metric("gopherproxy_upstream_connect_failures_total") == 0


def test_bodies_and_methods_arrive_as_they_were_sent(make_backend, start_proxy):
    echo = make_backend(lambda request: response(request.body, headers=[f"X-Method: {request.method}"]))
    proxy = start_proxy(echo)
    answer = post(proxy.port, b"\x00\xff binary \r\n body", "/a%20path?q=1&q=2")
    assert (answer.status, answer.body, answer["X-Method"]) == (200, b"\x00\xff binary \r\n body", "POST")
    assert echo.last().path == "/a%20path?q=1&q=2"
