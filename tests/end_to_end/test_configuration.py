"""Settings: flags and environment, refused in one line when they are wrong, and the original's files as they are."""

import socket
import subprocess
from pathlib import Path

import pytest
from harness.gopher import Proxy, Sentinel
from harness.polling import eventually
from harness.ports import reserve_port
from harness.process import binary


def run(name, *arguments, **environment):
    command = [binary(name), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL, check=False
    )


BAD_PROXY_VALUES = [
    ("PROXY_PORT", "eighty"),
    ("PROXY_PORT", "65536"),
    ("PROXY_PORT", "-1"),
    ("PROXY_PORT", "80 "),
    ("METRICS_PORT", "0x50"),
    ("REDIS_URL", "localhost"),
    ("REDIS_URL", "localhost:0"),
    ("RATE_LIMIT_RPS", "-2"),
    ("RATE_LIMIT_RPS", "fast"),
    ("RATE_LIMIT_RPS", "nan"),
    ("RATE_LIMIT_BURST", "0"),
    ("RATE_LIMIT_IPV6_PREFIX", "129"),
    ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("TRUSTED_PROXIES", "everyone"),
    ("WORKERS", "-1"),
    ("WORKERS", "many"),
    ("DRAIN_TIMEOUT", "30 parsecs"),
    ("CONNECT_TIMEOUT", "-5s"),
    ("FIRST_BYTE_TIMEOUT", "0"),
    ("ACCESS_LOG", "maybe"),
    ("TARGETS", "127.0.0.1"),
    ("TARGETS", "127.0.0.1:0"),
    ("TARGETS", "127.0.0.1:99999"),
]

BAD_SENTINEL_VALUES = [
    ("SENTINEL_TARGETS", "no-port"),
    ("SENTINEL_TARGETS", "a:1,b:"),
    ("PROBE_INTERVAL", "0"),
    ("PROBE_TIMEOUT", "soon"),
    ("PROBE_RISE", "0"),
    ("PROBE_FALL", "-1"),
    ("PROBE_PATH", "no-slash"),
    ("METRICS_PORT", "70000"),
    ("REDIS_URL", ":16379"),
]


def check_refusal(result, setting, value):
    assert result.returncode == 2, (result.returncode, result.stdout, result.stderr)
    message = result.stderr.strip()
    assert message and "\n" not in message, message
    assert setting in message and value in message, message
    assert result.stdout == ""


@pytest.mark.parametrize(("setting", "value"), BAD_PROXY_VALUES)
def test_a_bad_value_ends_the_proxys_start_with_one_line(setting, value):
    check_refusal(run("gopher-proxy", **{setting: value}), setting, value)


@pytest.mark.parametrize(("setting", "value"), BAD_SENTINEL_VALUES)
def test_a_bad_value_ends_the_sentinels_start_with_one_line(setting, value):
    check_refusal(run("gopher-sentinel", **{setting: value}), setting, value)


@pytest.mark.parametrize("url", ["http://:s3cr3t@h:1", "redis://:s3cr3t@h:1/x", "redis://:s3cr3t", "s3cr3t@h:x"])
def test_a_refused_redis_url_is_told_without_what_may_be_a_password(url):
    result = run("gopher-proxy", REDIS_URL=url)
    check_refusal(result, "REDIS_URL", "***")
    assert "s3cr3t" not in result.stderr


def test_a_bad_flag_is_named_as_it_was_given():
    check_refusal(run("gopher-proxy", "--proxy-port", "eighty"), "--proxy-port", "eighty")
    check_refusal(run("gopher-proxy", "--proxy-prot=80"), "--proxy-prot", "--proxy-port")


def test_a_flag_wins_over_the_environment():
    assert run("gopher-proxy", "--check-config", "--proxy-port", "8080", PROXY_PORT="eighty").returncode == 0


def test_one_port_given_twice_is_refused():
    check_refusal(run("gopher-proxy", PROXY_PORT="9000", METRICS_PORT="9000"), "METRICS_PORT", "9000")


@pytest.mark.parametrize("name", ["gopher-proxy", "gopher-sentinel"])
def test_check_config_accepts_the_defaults_and_starts_nothing(name):
    result = run(name, "--check-config")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", ["gopher-proxy", "gopher-sentinel"])
def test_check_config_refuses_what_a_start_would_refuse(name):
    check_refusal(run(name, "--check-config", METRICS_PORT="x1"), "METRICS_PORT", "x1")


@pytest.mark.parametrize("name", ["gopher-proxy", "gopher-sentinel", "gopher-demo-backend"])
def test_version_names_the_binary_its_version_and_its_commit(name):
    result = run(name, "--version")
    assert result.returncode == 0
    words = result.stdout.split()
    assert words[0] == name
    assert any(word.lstrip("v")[0].isdigit() for word in words[1:]), result.stdout
    assert len(words) >= 3, result.stdout


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gopher-proxy", ["PROXY_PORT", "METRICS_PORT", "REDIS_URL", "RATE_LIMIT_RPS", "DRAIN_TIMEOUT"]),
        ("gopher-sentinel", ["SENTINEL_TARGETS", "METRICS_PORT", "REDIS_URL", "PROBE_INTERVAL", "PROBE_FALL"]),
    ],
)
def test_help_shows_every_setting_as_flag_and_variable_with_its_default(name, settings):
    result = run(name, "--help")
    assert result.returncode == 0
    for setting in settings:
        assert setting in result.stdout
        assert "--" + setting.lower().replace("_", "-") in result.stdout
    assert "localhost:16379" in result.stdout


@pytest.mark.parametrize("name", ["gopher-proxy", "gopher-sentinel"])
def test_the_readme_shows_the_settings_as_the_binary_tells_them(name):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    told = run(name, "--help-markdown")
    assert told.returncode == 0
    assert told.stdout in readme, f"put the output of {name} --help-markdown into README.md"


def test_a_port_in_use_is_named(tmp_path):
    with socket.create_server(("0.0.0.0", reserve_port())) as taken:
        port = str(taken.getsockname()[1])
        result = run("gopher-proxy", PROXY_PORT=port, METRICS_PORT=str(reserve_port()))
    assert result.returncode not in (0, 2)
    assert port in result.stderr and "PROXY_PORT" in result.stderr, result.stderr


def test_the_originals_environment_files_work_as_they_are(start, redis, tmp_path, make_backend):
    """Its variables, in its forms: no scheme in REDIS_URL, spaces in the list of targets."""
    backends = [make_backend(), make_backend()]
    assert redis.url.startswith("localhost:")
    targets = f" {backends[0].target} ,  {backends[1].target} "
    sentinel_environment = {name: None for name in Sentinel.DEFAULTS}
    start(Sentinel(tmp_path, redis.url, targets, **sentinel_environment))
    eventually(lambda: redis.members() == {backend.member for backend in backends}, what="both in the set")
    proxy_environment = {name: None for name in Proxy.DEFAULTS}
    proxy = start(Proxy(tmp_path, redis.url, **proxy_environment))
    proxy.until_active(2)
    assert proxy.get().status == 200


def test_what_the_originals_sentinel_left_in_redis_is_used_as_it_is(redis, make_backend, start_proxy):
    backend = make_backend()
    redis("SADD", "gopher_backends", f"http://127.0.0.1:{backend.port}")
    start_proxy(backend)
