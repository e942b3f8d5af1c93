"""Fixtures: each starts what a test asks for, and ends it after the test, whatever happened in between."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.backend import Backend  # noqa: E402
from harness.gopher import DemoBackend, Proxy, Sentinel  # noqa: E402
from harness.redis import Redis  # noqa: E402


@pytest.fixture
def processes(request, tmp_path):
    """Started processes in the order of starting. After the test, none of them runs, and each has ended well."""
    started = []
    request.node.started_processes = started
    yield started
    for process in reversed(started):
        process.clean_up()
    for process in started:
        assert not (why := process.ended_badly()), f"{process.name} {why}\n{process.log_tail()}"


@pytest.fixture
def start(processes):
    def start(process):
        processes.append(process)
        process.start()
        return process

    return start


@pytest.fixture
def redis(start, tmp_path):
    return start(Redis(tmp_path))


@pytest.fixture
def start_proxy(start, redis, tmp_path):
    """start_proxy(backend, …, SETTING=value): a proxy whose set holds these backends, all of them active."""

    def start_proxy(*backends, name="proxy", **settings):
        redis.add(*(backend.member for backend in backends))
        proxy = start(Proxy(tmp_path, redis.url, name=name, **settings))
        return proxy.until_active(len(backends))

    return start_proxy


@pytest.fixture
def start_sentinel(start, redis, tmp_path):
    """start_sentinel(backend, …, SETTING=value); a backend is an object with a target, or a "host:port"."""

    def start_sentinel(*backends, name="sentinel", **settings):
        targets = ",".join(getattr(backend, "target", backend) for backend in backends)
        return start(Sentinel(tmp_path, redis.url, targets, name, **settings))

    return start_sentinel


@pytest.fixture
def start_demo(start, tmp_path):
    """start_demo(3): that many demo backends, each a process."""

    def start_demo(count):
        return [start(DemoBackend(tmp_path, number)) for number in range(1, count + 1)]

    return start_demo


@pytest.fixture
def make_backend():
    """make_backend(answer): a scripted backend in this process."""
    made = []

    def make_backend(answer=None, **options):
        made.append(Backend(answer, **options))
        return made[-1]

    yield make_backend
    for backend in made:
        backend.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of each process's log."""
    report = (yield).get_result()
    if report.failed:
        for process in getattr(item, "started_processes", []):
            report.sections.append((f"log of {process.name}", process.log_tail()))
