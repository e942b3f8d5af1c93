"""The proxy and Redis: absent, restarted, emptied, or holding nonsense."""

from harness.gopher import Proxy
from harness.http import get
from harness.load import Load
from harness.polling import eventually, holds
from harness.redis import SET, Redis


def test_redis_absent_at_start_the_proxy_starts_answers_503_and_recovers(start, tmp_path, make_backend):
    redis = Redis(tmp_path)
    proxy = start(Proxy(tmp_path, redis.url))
    assert proxy.get().status == 503
    readiness = get(proxy.metrics_port, "/readyz")
    assert readiness.status == 503 and readiness.body.strip(), readiness
    assert get(proxy.metrics_port, "/healthz").status == 200
    start(redis)
    redis.add(make_backend().member)
    eventually(lambda: proxy.get().status == 200, within=20, what="traffic once Redis is there")
    eventually(proxy.ready)


def test_redis_restarted_under_load_loses_no_request(make_backend, start_demo, start_proxy, redis):
    proxy = start_proxy(*start_demo(2))
    load = Load(proxy.port).start()
    load.after(200)
    assert redis.stop() == 0
    eventually(lambda: proxy.metric("gopherproxy_registry_reachable") == 0, what="the loss shows in the metrics")
    load.after(200)
    assert proxy.active() == 2, "the last known set stays in use"
    redis.start()
    eventually(lambda: proxy.metric("gopherproxy_registry_reachable") == 1, within=20, what="the proxy reads again")
    load.after(200)
    outcomes = load.stop()
    assert list(outcomes.statuses) == [200], outcomes
    assert not outcomes.failures, outcomes


def test_the_loss_of_redis_shows_in_log_metric_and_readiness(make_backend, start_proxy, redis):
    proxy = start_proxy(make_backend())
    redis.kill()
    eventually(lambda: proxy.metric("gopherproxy_registry_reachable") == 0)
    eventually(lambda: proxy.log(msg="registry failed"), what="a log line")
    words = eventually(lambda: get(proxy.metrics_port, "/readyz")).body.decode().lower()
    assert "registry" in words or "redis" in words, words
    assert proxy.get().status == 200


def test_an_emptied_set_gives_503(make_backend, start_proxy, redis):
    proxy = start_proxy(make_backend())
    assert proxy.get().status == 200
    redis("DEL", SET)
    eventually(lambda: proxy.get().status == 503, what="503 once the set is empty")
    eventually(lambda: not proxy.ready(), what="not ready without a backend")


BAD_MEMBERS = [
    "http://127.0.0.1:99999",
    "http://127.0.0.1",
    "ftp://127.0.0.1:80",
    "http://user@127.0.0.1:80",
    "http://127.0.0.1:80/path",
    "http://127.0.0.1:80//",
    "",
    'x"}\n{"msg":"request","forged":true}',
    b"\xff\xfe\x00",
    "http://" + "a" * 5000 + ":80",
]


def test_bad_members_are_skipped_and_each_logged_once(make_backend, start_proxy, redis):
    redis.add(*BAD_MEMBERS)
    proxy = start_proxy(make_backend())
    assert proxy.get().status == 200

    reads = redis.calls("smembers")
    eventually(lambda: redis.calls("smembers") >= reads + 5, what="five more reads of the set")
    rejected = [line for line in proxy.log() if line.get("msg") == "member rejected"]
    assert len(rejected) == len(BAD_MEMBERS), rejected
    assert not proxy.log(forged=True)
    assert proxy.active() == 1


def test_several_spellings_of_one_backend_are_one_backend(make_backend, start_proxy, redis):
    backend = make_backend()
    redis.add(f"HTTP://127.0.0.1:{backend.port}", f"http://127.0.0.1:{backend.port}/")
    proxy = start_proxy(backend)
    reads = redis.calls("smembers")
    eventually(lambda: redis.calls("smembers") >= reads + 3)
    assert proxy.active() == 1
    # One spelling is enough to keep it.
    redis.remove(backend.member)
    reads = redis.calls("smembers")
    eventually(lambda: redis.calls("smembers") >= reads + 3)
    assert proxy.active() == 1
    assert proxy.get().status == 200


def test_the_set_is_read_at_once_and_not_only_after_the_first_interval(start, redis, make_backend, tmp_path):
    redis.add(make_backend().member)
    proxy = start(Proxy(tmp_path, redis.url, DISCOVERY_INTERVAL="1h"))
    eventually(lambda: proxy.get().status == 200, within=4, what="traffic long before the first interval is over")


def test_a_url_with_password_and_database_works_and_is_not_logged(start, tmp_path, make_backend):
    redis = start(Redis(tmp_path, password="s3cr3t", database=2))
    redis.add(make_backend().member)
    proxy = start(Proxy(tmp_path, f"redis://:s3cr3t@127.0.0.1:{redis.port}/2"))
    proxy.until_active(1)
    assert proxy.get().status == 200
    assert "s3cr3t" not in proxy.stdout() + proxy.stderr()


def test_a_wrong_password_is_told_and_does_not_end_the_proxy(start, tmp_path):
    redis = start(Redis(tmp_path, password="right"))
    proxy = start(Proxy(tmp_path, f"redis://:wrong@127.0.0.1:{redis.port}/0"))
    eventually(lambda: proxy.log(msg="registry failed"), what="a log line")
    holds(proxy.is_running, during=0.3)
    assert proxy.get().status == 503
