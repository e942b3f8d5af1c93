"""The metrics port, and that it is no part of the proxy port. Counterparts of the original's tests of its handlers."""

from harness.backend import response
from harness.http import get, post
from harness.polling import eventually


def processed_and_dropped(proxy):
    return tuple(proxy.metric(f"gopherproxy_{name}_requests_total") for name in ("processed", "dropped"))


def test_healthz_is_ok(start_proxy):
    answer = get(start_proxy().metrics_port, "/healthz")
    assert (answer.status, answer.body.strip()) == (200, b"ok")


def test_readyz_says_ready_with_a_backend_and_why_not_without(make_backend, start_proxy, redis):
    proxy = start_proxy()
    answer = get(proxy.metrics_port, "/readyz")
    assert answer.status == 503 and answer.body.strip(), answer
    redis.add(make_backend().member)
    eventually(proxy.ready, what="ready")


def test_an_unknown_page_of_the_metrics_port_is_404(start_proxy):
    assert get(start_proxy().metrics_port, "/nothing").status == 404


def test_metrics_are_prometheus_text_with_the_names_of_the_contract(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    assert [proxy.get().status for _ in range(3)] == [200] * 3
    eventually(lambda: processed_and_dropped(proxy) == (3, 0))
    page = get(proxy.metrics_port, "/metrics")
    assert page["Content-Type"].startswith("text/plain")
    text = page.body.decode()
    for name, kind in (
        ("gopherproxy_processed_requests_total", "counter"),
        ("gopherproxy_dropped_requests_total", "counter"),
        ("gopherproxy_active_backends", "gauge"),
        ("gopherproxy_request_duration_seconds", "histogram"),
        ("gopherproxy_build_info", "gauge"),
    ):
        assert f"# TYPE {name} {kind}\n" in text, name
        assert f"# HELP {name} " in text, name
    assert proxy.metric("gopherproxy_active_backends") == 1
    assert proxy.metric("gopherproxy_request_duration_seconds_count", backend=backend.target) == 3
    assert proxy.metric("gopherproxy_build_info") == 1


def test_the_histogram_has_the_default_buckets_and_finer_ones_below_5_ms(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    proxy.get()
    eventually(lambda: processed_and_dropped(proxy) == (1, 0))
    samples = proxy.metrics()["gopherproxy_request_duration_seconds_bucket"]
    bounds = {dict(labels)["le"] for labels in samples if dict(labels)["backend"] == backend.target}
    numbers = {float(bound) for bound in bounds}
    assert {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, float("inf")} <= numbers
    assert any(number < 0.005 for number in numbers)
    assert max(samples.values()) == 1, "the +Inf bucket counts all"


def test_each_request_counts_in_exactly_one_of_processed_and_dropped(make_backend, start_proxy):
    backend = make_backend(lambda request: response(status=f"{request.path[1:]} Any"))
    proxy = start_proxy(backend)
    # What a backend answered is processed, whatever the answer says.
    for status in (200, 404, 500, 503):
        assert proxy.get(f"/{status}").status == status
    eventually(lambda: processed_and_dropped(proxy) == (4, 0))
    backend.close()
    proxy.until_active(0)
    assert proxy.get().status == 503
    eventually(lambda: processed_and_dropped(proxy) == (4, 1))


def test_requests_are_told_apart_by_class_of_status_and_by_cause(make_backend, start_proxy):
    proxy = start_proxy(make_backend(lambda request: response(status="404 Not Found")))
    assert post(proxy.port, b"x").status == 404
    eventually(lambda: proxy.metric("gopherproxy_requests_total", status_class="4xx", cause="completed") == 1)


def test_active_backends_follows_the_pool(make_backend, start_proxy, redis):
    backends = [make_backend() for _ in range(3)]
    proxy = start_proxy(*backends)
    redis.remove(backends[0].member)
    proxy.until_active(2)
    backends[1].close()
    proxy.until_active(1)
    redis.remove(backends[1].member, backends[2].member)
    proxy.until_active(0)


def test_the_pages_of_the_metrics_port_are_proxied_on_the_proxy_port(make_backend, start_proxy):
    backend = make_backend(lambda request: response(f"backend's own {request.path}"))
    proxy = start_proxy(backend)
    for path in ("/metrics", "/healthz", "/readyz", "/"):
        answer = proxy.get(path)
        assert (answer.status, answer.body.decode()) == (200, f"backend's own {path}")
    assert backend.count() == 4


def test_the_pages_of_the_metrics_port_count_as_no_request(make_backend, start_proxy):
    proxy = start_proxy(make_backend())
    for _ in range(5):
        get(proxy.metrics_port, "/metrics")
    assert processed_and_dropped(proxy) == (0, 0)
