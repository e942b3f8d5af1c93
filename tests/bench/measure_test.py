"""The arithmetic of the figures: a mistake here would be silent."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from backends import wrong_work  # noqa: E402
from instructions import verdict  # noqa: E402
from load import wrong_answers  # noqa: E402
from measure import (  # noqa: E402
    Comparison,
    CpuTime,
    cpu_time,
    family,
    markdown_table,
    medians,
    plus_difference,
    resident_bytes,
)
from syscalls import calls_of  # noqa: E402

# A child whose second thread burns that long, says so, and lives on.
BURNING = """
import os, sys, threading, time
def burn():
    while time.thread_time() < float(sys.argv[1]):
        pass
    print("burnt", flush=True)
    time.sleep(60)
if os.fork() == 0:
    threading.Thread(target=burn).start()
    time.sleep(60)
os.wait()
"""
# Touches so many bytes more when it is told to.
GROWING = """
import sys, time
print("small", flush=True)
sys.stdin.readline()
kept = b"x" * int(sys.argv[1])
print("large", flush=True)
time.sleep(60)
"""


@pytest.fixture
def start():
    started = []

    def start(script, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, start_new_session=True)  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_cpu_time_is_that_of_all_threads_and_children(start):
    process = start(BURNING, 0.3)
    assert process.stdout.readline() == "burnt\n"
    time_of = cpu_time(process.pid)
    assert len(family(process.pid)) == 2
    assert len(time_of.threads) == 3
    assert 0.3e9 <= time_of.total < 0.6e9
    assert abs(time_of.user + time_of.system - time_of.total) < 0.1e9


def test_cpu_time_is_what_the_kernel_says_at_the_end():
    """Against another source of the same: what wait() tells of a child."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.stdout.readline()
    told = cpu_time(process.pid).total
    process.communicate("\n")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert told / 1e9 == pytest.approx(waited, abs=0.05)


def test_a_thread_that_came_or_went_is_no_figure():
    before = CpuTime(10, 4, 6, frozenset({1, 2}))
    assert CpuTime(30, 8, 22, frozenset({1, 2})).since(before) == CpuTime(20, 4, 16, frozenset({1, 2}))
    assert CpuTime(20, 4, 16, frozenset()).system_share == 0.8
    for threads in ({1}, {1, 2, 3}, {1, 3}):
        with pytest.raises(ValueError, match="came or went"):
            CpuTime(30, 8, 22, frozenset(threads)).since(before)


def test_resident_memory_grows_by_what_is_touched(start):
    process = start(GROWING, 50_000_000)
    process.stdout.readline()
    before = resident_bytes(process.pid)
    process.stdin.write("grow\n")
    process.stdin.flush()
    process.stdout.readline()
    assert 49_000_000 < resident_bytes(process.pid) - before < 60_000_000


def test_the_median_is_each_figure_s_own():
    samples = [{"cpu": 3.0, "rate": 1.0}, {"cpu": 1.0, "rate": 3.0}, {"cpu": 2.0, "rate": 9.0}]
    assert medians(samples) == {"cpu": 2.0, "rate": 3.0}
    assert medians(samples[:2]) == {"cpu": 2.0, "rate": 2.0}
    with pytest.raises(ValueError, match="different kinds"):
        medians([{"cpu": 1.0}, {"rate": 1.0}])


def test_to_a_figure_is_added_the_difference_of_its_own_round():
    assert plus_difference([10.0, 12.0], [6.0, 5.0], [5.0, 3.0]) == [11.0, 14.0]
    with pytest.raises(ValueError, match="shorter"):
        plus_difference([10.0, 12.0], [6.0], [5.0, 3.0])


@pytest.mark.parametrize(
    ("ours", "others", "goal", "best", "ratio", "met"),
    [
        ([8.0], {"nginx": [10.0], "haproxy": [12.0]}, 0.8, "nginx", 0.8, True),
        ([8.1], {"nginx": [10.0], "haproxy": [12.0]}, 0.8, "nginx", 0.81, False),
        ([8.0], {"nginx": [12.0], "haproxy": [9.0]}, 0.8, "haproxy", 8 / 9, False),
        ([8.0], {"nginx": [4.0]}, None, "nginx", 2.0, None),
        # The machine was half as fast for one of the two in two rounds, and for both in one.
        ([9.0, 18.0, 18.0, 9.0, 9.0], {"nginx": [10.0, 10.0, 20.0, 20.0, 10.0]}, 0.9, "nginx", 0.9, True),
    ],
)
def test_ours_is_compared_with_the_better_one(ours, others, goal, best, ratio, met):
    comparison = Comparison(ours, others, goal)
    assert comparison.best_name == best
    assert comparison.ratio == pytest.approx(ratio)
    assert comparison.met is met


def test_the_bytes_of_the_answers_tell_whether_all_were_whole():
    none = {"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": 0}
    told = {"requests": 100, "bytes": 5000, "errors": none}
    for wrong in ({}, {"bytes": 5200}):
        assert wrong_answers(told | wrong, answer_bytes=50, connections=4) == ""
    for wrong in ({"bytes": 4999}, {"bytes": 5201}, {"requests": 0, "bytes": 0}, {"errors": none | {"status": 1}}):
        assert wrong_answers(told | wrong, answer_bytes=50, connections=4)


def test_the_backends_counts_tell_whether_the_proxy_did_its_work():
    one = {"requests": 1000, "connections": 2, "without_forwarded_for": 0, "body_bytes": 0}

    def wrong(first, last=one, requests=3000, **more):
        return wrong_work([one | first, one, last], requests, connections=8, **more)

    assert wrong({}) == wrong({"requests": 1008}) == ""
    assert "reached the backends" in wrong({"requests": 999})
    assert "reached the backends" in wrong({"requests": 1009})
    assert "X-Forwarded-For" in wrong({"without_forwarded_for": 1})
    assert "bodies" in wrong({}, body_bytes=1)
    assert "round robin" in wrong({"requests": 1200}, one | {"requests": 800})
    assert wrong({"requests": 1200}, one | {"requests": 800}, members=1000) == ""
    assert "not kept" in wrong({"connections": 1000})


def test_what_strace_counted():
    assert calls_of(
        "% time     seconds  usecs/call     calls    errors syscall\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        " 60.00    0.002000           2      1000       200 recvmsg\n"
        " 40.00    0.001000           1       900           epoll_wait\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        "100.00    0.003000           1      1900       200 total\n"
    ) == {"recvmsg": 1000, "epoll_wait": 900}


@pytest.mark.parametrize(
    ("measured", "recorded", "passes"),
    [(1000, 1000, True), (1030, 1000, True), (1031, 1000, False), (970, 1000, True), (969, 1000, False)],
)
def test_the_ratchet_holds_both_ways(measured, recorded, passes):
    assert (verdict(measured, recorded) == "") is passes


def test_a_table_of_markdown():
    assert markdown_table([["case", "figure"], ["a", "1"], ["long name", "23"]]) == (
        "| case      | figure |\n|-----------|-------:|\n| a         |      1 |\n| long name |     23 |"
    )
