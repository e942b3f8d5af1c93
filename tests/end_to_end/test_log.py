"""The log: JSON lines, the contract's fields, and nothing that a client could forge."""

import json
import re
from pathlib import Path

from harness.http import RawConnection, post
from harness.polling import eventually


def test_a_request_line_has_the_fields_of_the_contract(make_backend, start_proxy):
    backend = make_backend()
    proxy = start_proxy(backend)
    assert post(proxy.port, b"12345", "/a/path").status == 200
    (line,) = proxy.request_lines(1)
    assert line["method"] == "POST"
    assert line["path"] == "/a/path"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", line["remote_addr"])
    assert line["status"] == 200
    assert 0 <= line["duration_ms"] < 10000
    assert line["backend"] == backend.target
    assert line["bytes_in"] == 5
    assert line["bytes_out"] == len(f"backend {backend.port}")
    assert line["request_id"]
    assert line["cause"] == "completed"
    assert {"time", "level", "msg"} <= set(line)


def test_each_request_has_a_line_of_its_own_and_an_id_of_its_own(make_backend, start_proxy):
    proxy = start_proxy(make_backend())
    for _ in range(20):
        proxy.get()
    lines = proxy.request_lines(20)
    assert len(lines) == 20
    assert len({line["request_id"] for line in lines}) == 20


def test_no_request_can_forge_a_line(make_backend, start_proxy):
    proxy = start_proxy(make_backend())
    sent = [
        b"GET /%0a{%22msg%22:%22forged%22} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b'GET /"}{"msg":"forged"} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        b'GET /\n{"msg":"forged"} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        b'GET /\r{"msg":"forged"} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        b"GET /\\u000a\\n\x1b[2J HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /\xff\xfe\xc0\x80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b'GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: a"\\}{"msg":"forged"}\r\nConnection: close\r\n\r\n',
        b'FOR"GED / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ]
    for head in sent:
        with RawConnection(proxy.port) as client:
            client.send(head)
            client.read_head()
    assert proxy.stop() == 0
    for line in proxy.stdout().splitlines():
        parsed = json.loads(line)
        assert isinstance(parsed, dict), line
        assert parsed["msg"] != "forged"
        assert line.isascii() and line.isprintable(), line
    assert len(proxy.log(msg="request")) == len(sent)


def test_access_log_off_leaves_the_other_lines(make_backend, start_proxy):
    proxy = start_proxy(make_backend(), ACCESS_LOG="off")
    assert proxy.get().status == 200
    assert proxy.stop() == 0
    assert not proxy.log(msg="request")
    assert proxy.log()


def test_the_start_up_line_tells_version_and_commit(start_proxy):
    first = eventually(start_proxy().log, what="the first line of the log")[0]
    assert first["version"] and first["commit"]


def test_standard_error_stays_empty(make_backend, start_proxy):
    proxy = start_proxy(make_backend())
    proxy.get()
    assert proxy.stop() == 0
    assert proxy.stderr() == ""


def test_readme_lists_every_line_that_is_not_for_debugging():
    root = Path(__file__).parents[2]
    told = set()
    for source in sorted(root.glob("io/*.cpp")):
        text = source.read_text()
        told |= set(re.findall(r'\blog_\.(?:info|warn|error)\("([^"]+)"', text))
        told |= set(re.findall(r'\blog_\.write\([^"]*?"([^"]+)"', text))
        told |= set(re.findall(r'\btext\("msg", "([^"]+)"\)', text))
    readme = (root / "README.md").read_text()
    missing = [line for line in sorted(told) if f"`{line}`" not in readme]
    assert len(told) > 20 and not missing
