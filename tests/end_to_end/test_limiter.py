"""Each client has a token bucket. Counterparts of the original's tests of its rate limiter."""

from harness.http import Client
from harness.polling import eventually

DEFAULT = {"RATE_LIMIT_RPS": None, "RATE_LIMIT_BURST": None}  # as when nobody sets them: burst 5, 2 a second
SLOW = {"RATE_LIMIT_RPS": "0.01"}  # no token comes back while a test runs


def statuses(proxy, count, **options):
    with Client(proxy.port, **options) as client:
        return [client.get().status for _ in range(count)]


def test_the_burst_passes_and_the_next_request_gets_429(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend, **SLOW)
    assert statuses(proxy, 8) == [200] * 5 + [429] * 3
    assert backend.count() == 5


def test_429_says_when_to_come_back(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), **DEFAULT)
    with Client(proxy.port) as client:
        answer = eventually(lambda: (got := client.get()).status == 429 and got, what="a 429", every=0)
    assert 1 <= int(answer["Retry-After"]) <= 5
    fields = {name.lower() for name in answer.headers.keys()}
    assert any(name.startswith("ratelimit") for name in fields), fields


def test_tokens_come_back_at_the_default_rate(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), **DEFAULT)
    with Client(proxy.port) as client:
        eventually(lambda: client.get().status == 429, what="the bucket is empty", every=0)
        eventually(lambda: client.get().status == 200, within=5, what="a token came back")


def test_a_custom_rate_and_burst_are_kept(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), RATE_LIMIT_RPS="0.01", RATE_LIMIT_BURST="12")
    assert statuses(proxy, 14) == [200] * 12 + [429] * 2


def test_rate_zero_turns_the_limit_off(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), RATE_LIMIT_RPS="0")
    assert statuses(proxy, 100) == [200] * 100


def test_each_client_address_has_a_bucket_of_its_own(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), **SLOW)
    assert statuses(proxy, 6) == [200] * 5 + [429]
    assert statuses(proxy, 6, source="127.0.0.2") == [200] * 5 + [429]


def test_new_connections_do_not_bring_new_tokens(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), **SLOW)
    assert [proxy.get().status for _ in range(7)] == [200] * 5 + [429] * 2


def test_a_forged_forwarded_for_brings_no_new_tokens(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), **SLOW)
    answers = [proxy.get(headers={"X-Forwarded-For": f"203.0.113.{number}"}).status for number in range(7)]
    assert answers == [200] * 5 + [429] * 2


def test_a_trusted_proxys_forwarded_for_names_the_client(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), TRUSTED_PROXIES="127.0.0.0/8", **SLOW)
    for client in ("203.0.113.1", "203.0.113.2", "2001:db8:1::1"):
        answers = [proxy.get(headers={"X-Forwarded-For": client}).status for _ in range(6)]
        assert answers == [200] * 5 + [429], client
    # The right-most address that no trusted proxy has: what a client wrote before it counts for nothing.
    assert proxy.get(headers={"X-Forwarded-For": "198.51.100.9, 203.0.113.1"}).status == 429
    # A whole /64 is one client.
    assert proxy.get(headers={"X-Forwarded-For": "2001:db8:1::ffff"}).status == 429


def test_limited_requests_count_as_dropped_only(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), **SLOW)
    statuses(proxy, 8)
    eventually(lambda: proxy.metric("gopherproxy_processed_requests_total") == 5, what="5 processed")
    eventually(lambda: proxy.metric("gopherproxy_dropped_requests_total") == 3, what="3 dropped")
    assert len(proxy.request_lines(3, status=429, cause="rate_limited")) == 3
