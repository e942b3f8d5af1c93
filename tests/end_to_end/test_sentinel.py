"""The sentinel keeps the set of live backends true. Counterparts of the original's tests of its health checks."""

import socket

from harness.backend import response
from harness.gopher import Proxy, Sentinel
from harness.http import get
from harness.polling import eventually, holds
from harness.ports import reserve_port
from harness.redis import SET, Redis


def members_of(*backends):
    return {backend.member for backend in backends}


def test_live_targets_are_put_into_the_set_in_the_originals_form(redis, make_backend, start_sentinel):
    backends = [make_backend(), make_backend()]
    start_sentinel(*backends, f"127.0.0.1:{reserve_port()}")
    eventually(lambda: redis.members() == members_of(*backends), what="the live ones, and only them")
    assert redis("TYPE", SET) == "set"


def test_a_dead_target_is_removed_and_put_back_when_it_returns(redis, make_backend, start_sentinel):
    staying, leaving = make_backend(), make_backend()
    sentinel = start_sentinel(staying, leaving)
    eventually(lambda: redis.members() == members_of(staying, leaving))
    leaving.close()
    eventually(lambda: redis.members() == members_of(staying), what="the dead one removed")
    leaving.listen()
    eventually(lambda: redis.members() == members_of(staying, leaving), what="put back")
    # Only the changes are logged: down once, and up again once.
    # The log has its own thread, and may come after the registry.
    def verdicts():
        return [line["to"] for line in sentinel.log(msg="backend verdict changed") if line["backend"] == leaving.target]

    eventually(lambda: len(verdicts()) >= 3, what="three verdicts in the log")
    assert verdicts() == ["up", "down", "up"]


def test_one_lost_probe_does_not_remove_a_backend(redis, make_backend, start_sentinel):
    fails_at = {3, 6, 9}
    count = iter(range(1, 1000))
    backend = make_backend(lambda request: response(status="500 Bad" if next(count) in fails_at else "200 OK"))
    sentinel = start_sentinel(backend, PROBE_PATH="/health", PROBE_FALL="2")
    eventually(lambda: backend.count() > 12, what="a dozen probes")
    assert redis.calls("srem") == 0
    assert [line["to"] for line in sentinel.log(msg="backend verdict changed")] == ["up"]
    assert redis.members() == members_of(backend)


def test_one_good_probe_is_not_enough_when_rise_asks_for_more(redis, make_backend, start_sentinel):
    up_at = {2, 5, 6, 9}  # never three in a row
    count = iter(range(1, 1000))
    backend = make_backend(lambda request: response(status="200 OK" if next(count) in up_at else "500 Bad"))
    start_sentinel(backend, PROBE_PATH="/health", PROBE_RISE="3")
    eventually(lambda: backend.count() > 12, what="a dozen probes")
    assert redis.members() == set()


def test_a_hanging_target_holds_up_no_other(redis, make_backend, start_sentinel):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", reserve_port()))
        listener.listen(0)
        hanging = f"127.0.0.1:{listener.getsockname()[1]}"
        fillers = []
        for _ in range(6):  # fill its queue: from then on connecting hangs
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        backends = [make_backend() for _ in range(3)]
        start_sentinel(hanging, *backends, PROBE_TIMEOUT="5s", PROBE_INTERVAL="10s")
        eventually(lambda: redis.members() == members_of(*backends), within=4, what="the others, long before 5 s")
        for filler in fillers:
            filler.close()


def test_a_name_that_does_not_resolve_is_unknown_and_not_down(redis, make_backend, start_sentinel):
    backend = make_backend()
    lost = "http://no-such-host.invalid:8081"
    redis.add(lost)
    sentinel = start_sentinel(backend, "no-such-host.invalid:8081")
    eventually(lambda: backend.member in redis.members())
    holds(lambda: lost in redis.members(), during=1.5, what="the unknown one stays")
    assert not sentinel.log(msg="backend verdict changed", backend="no-such-host.invalid:8081", to="down")


def test_what_redis_lost_is_written_again(redis, make_backend, start_sentinel):
    backends = [make_backend(), make_backend()]
    start_sentinel(*backends)
    eventually(lambda: redis.members() == members_of(*backends))
    redis("FLUSHALL")
    eventually(lambda: redis.members() == members_of(*backends), what="written again after FLUSHALL")


def test_a_restart_of_redis_without_its_data_is_repaired(redis, make_backend, start_sentinel):
    backend = make_backend()
    sentinel = start_sentinel(backend)
    eventually(lambda: redis.members() == members_of(backend))
    redis("FLUSHALL")
    redis.kill()
    eventually(lambda: sentinel.log(msg="registry failed"), what="the loss is logged")
    redis.start()
    redis("FLUSHALL")
    eventually(lambda: redis.members() == members_of(backend), within=20, what="written again")


def test_its_shutdown_removes_nothing(redis, make_backend, start_sentinel):
    backends = [make_backend(), make_backend()]
    sentinel = start_sentinel(*backends)
    eventually(lambda: redis.members() == members_of(*backends))
    removals = redis.calls("srem")
    assert sentinel.stop(within=5) == 0
    assert redis.members() == members_of(*backends)
    assert redis.calls("srem") == removals


def test_a_target_dropped_from_its_list_is_removed(redis, make_backend, start_sentinel):
    kept, dropped = make_backend(), make_backend()
    sentinel = start_sentinel(kept, dropped, SENTINEL_ID="a")
    eventually(lambda: redis.members() == members_of(kept, dropped))
    assert sentinel.stop() == 0
    start_sentinel(kept, name="sentinel-again", SENTINEL_ID="a", LEASE_TTL="1s")
    eventually(lambda: redis.members() == members_of(kept), what="the dropped one removed", within=15)


def test_two_sentinels_with_the_same_targets_do_not_fight(redis, make_backend, start_sentinel):
    staying, leaving = make_backend(), make_backend()
    pair = [start_sentinel(staying, leaving, name=f"sentinel-{id}", SENTINEL_ID=id, LEASE_TTL="1s") for id in "ab"]
    eventually(lambda: redis.members() == members_of(staying, leaving))
    for sentinel in pair:
        sentinel.probed(5)
    assert redis.calls("srem") == 0
    leaving.close()
    eventually(lambda: redis.members() == members_of(staying), what="both see it dead")
    added = redis.calls("sadd")
    for sentinel in pair:
        sentinel.probed(5)
    assert redis.members() == members_of(staying)
    # One that ends leaves the other in charge.
    assert pair[0].stop() == 0
    holds(lambda: redis.members() == members_of(staying), during=2, what="nothing changes past the lease")
    leaving.listen()
    eventually(lambda: redis.members() == members_of(staying, leaving))
    assert redis.calls("sadd") > added


def test_sentinels_with_different_targets_leave_each_others_alone(redis, make_backend, start_sentinel):
    first, second = make_backend(), make_backend()
    pair = [
        start_sentinel(backend, name=f"sentinel-{id}", SENTINEL_ID=id) for id, backend in (("a", first), ("b", second))
    ]
    eventually(lambda: redis.members() == members_of(first, second))
    for sentinel in pair:
        sentinel.probed(5)
    assert redis.members() == members_of(first, second)
    assert redis.calls("srem") == 0


def test_redis_absent_at_start_it_waits_and_then_writes(start, tmp_path, make_backend):
    redis = Redis(tmp_path)
    backend = make_backend()
    sentinel = start(Sentinel(tmp_path, redis.url, backend.target))
    eventually(lambda: sentinel.log(msg="registry failed"), what="it says that Redis is missing")
    assert sentinel.is_running() and get(sentinel.metrics_port, "/healthz").status == 200
    start(redis)
    eventually(lambda: redis.members() == members_of(backend), within=20, what="the backend is in the set")


def test_its_metrics_port_tells_health_and_what_it_found(redis, make_backend, start_sentinel):
    up, down = make_backend(), f"127.0.0.1:{reserve_port()}"
    sentinel = start_sentinel(up, down)
    assert get(sentinel.metrics_port, "/healthz").body.strip() == b"ok"
    sentinel.probed(3)
    assert sentinel.metric("gophersentinel_target_up", target=up.target) == 1
    assert sentinel.metric("gophersentinel_target_up", target=down) == 0
    assert sentinel.metric("gophersentinel_probes_total", target=up.target, result="success") >= 3
    assert sentinel.metric("gophersentinel_probes_total", target=down, result="refused") >= 3
    assert sentinel.metric("gophersentinel_registry_reachable") == 1


def test_two_sentinels_of_one_host_are_two_owners_without_being_told(redis, make_backend, start_sentinel):
    first, shared, last = make_backend(), make_backend(), make_backend()
    pair = [
        start_sentinel(first, shared, name="sentinel-a"),
        start_sentinel(shared, last, name="sentinel-b"),
    ]
    eventually(lambda: redis.members() == members_of(first, shared, last))
    for sentinel in pair:
        sentinel.probed(20)
    assert redis.members() == members_of(first, shared, last)
    for sentinel in pair:
        assert sentinel.metric("gophersentinel_registry_members_written_total", operation="remove") == 0


def test_its_log_is_json_with_changes_only(redis, make_backend, start_sentinel):
    backend = make_backend()
    sentinel = start_sentinel(backend)
    eventually(lambda: redis.members() == members_of(backend))
    eventually(lambda: sentinel.log(msg="registry written"))  # the log is written beside what it tells
    lines = len(sentinel.log())
    sentinel.probed(10)
    assert len(sentinel.log()) == lines, "ten more good probes, and not a line"
    assert sentinel.stop() == 0


def test_a_stack_of_sentinel_proxy_and_backends_follows_a_backends_life(
    start, tmp_path, redis, start_demo, start_sentinel
):
    demos = start_demo(3)
    start_sentinel(*demos)
    proxy = start(Proxy(tmp_path, redis.url)).until_active(3)
    demos[2].kill()
    eventually(lambda: redis.members() == members_of(*demos[:2]))
    proxy.until_active(2)
    assert [proxy.get().status for _ in range(10)] == [200] * 10
    demos[2].start()
    proxy.until_active(3)
