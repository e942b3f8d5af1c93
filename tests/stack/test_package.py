"""The Debian packages: installed on a machine with systemd (a container), started, watched over, stopped, purged."""

import re
import uuid

import pytest
from harness.polling import eventually
from stack import HERE, compose_at, docker

UNITS = ("gopher-proxy", "gopher-sentinel")
# systemd mounts, and makes cgroups and namespaces for its units. This is as good as root on the engine's machine, and
# not --privileged only because an engine that has not every capability itself refuses that.
FREEDOM = ("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE") + tuple(
    word for option in ("seccomp", "apparmor", "systempaths") for word in ("--security-opt", f"{option}=unconfined")
)


class Machine:
    def __init__(self, name):
        self.name = name

    def run(self, *command, check=True):
        return docker("exec", self.name, *command, check=check)

    def property(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).strip()


@pytest.fixture(scope="module")
def machine(images):
    file = HERE / "machine/compose.yaml"
    compose_at(file, "build", "package", timeout=1200)
    compose_at(file, "build", "machine", timeout=1200)
    machine = Machine(f"gopher-machine-{uuid.uuid4().hex[:8]}")
    run = ("run", "-d", "--name", machine.name, *FREEDOM, "--tmpfs", "/run", "gopherproxy-test/machine")
    host_name = docker(*run)[:12]
    try:
        eventually(
            lambda: machine.run("systemctl", "is-system-running", check=False).stdout in ("running\n", "degraded\n"),
            within=60, what="systemd is up in the container", every=0.5,
        )  # fmt: skip
        machine.run("sh", "-c", "dpkg -i /packages/*.deb")
        yield machine
    finally:
        docker("rm", "-f", machine.name)
        docker("run", "--rm", *FREEDOM, "gopherproxy-test/machine", "boot.sh", "forget", host_name)


@pytest.mark.parametrize("unit", UNITS)
def test_an_installed_service_runs_is_enabled_and_says_how_it_is(machine, unit):
    assert machine.property(unit, "ActiveState") == "active"
    assert machine.run("systemctl", "is-enabled", unit).strip() == "enabled"
    assert machine.property(unit, "Type") == "notify"
    eventually(lambda: machine.property(unit, "StatusText") != "", 15, "it says how it is", every=0.5)


@pytest.mark.parametrize("unit", UNITS)
def test_a_service_is_confined(machine, unit):
    words = machine.run("systemd-analyze", "security", "--no-pager", f"{unit}.service")
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", words)[1])
    print(f"\n{unit}: {exposure}")
    assert exposure < 2.5
    pid = machine.property(unit, "MainPID")
    status = machine.run("cat", f"/proc/{pid}/status")
    assert "CapEff:\t0000000000000000\n" in status and "NoNewPrivs:\t1\n" in status
    assert not re.search(r"^Uid:\t0\t", status, re.MULTILINE)


def test_requests_pass_and_the_status_tells_of_the_backends(machine):
    def answered():
        return "Response from SERVER" in machine.run("curl", "-s", "http://127.0.0.1:8080/", check=False).stdout

    eventually(answered, 20, "an answer through the proxy", every=0.6)
    eventually(
        lambda: machine.property("gopher-proxy", "StatusText") == "ready: 1 of 1 backend live", 15,
        "its status tells of the one backend that is up", every=0.5,
    )  # fmt: skip
    assert machine.property("gopher-sentinel", "StatusText") == "probing 3 targets"


@pytest.mark.parametrize(("unit", "port"), zip(UNITS, (2112, 2113)))
def test_settings_are_for_root_alone_and_the_metrics_port_for_this_machine(machine, unit, port):
    assert machine.run("stat", "-c", "%a %U %G", f"/etc/default/{unit}").split() == ["640", "root", "root"]
    assert machine.run("curl", "-s", f"http://127.0.0.1:{port}/healthz").strip() == "ok"
    outside = machine.run("sh", "-c", f"curl -s -m 5 http://$(hostname -i):{port}/healthz", check=False)
    assert outside.returncode == 7, "refused"


@pytest.mark.parametrize("unit", UNITS)
def test_the_line_that_the_settings_advise_checks_what_stands_there(machine, unit):
    path = f"/etc/default/{unit}"
    settings = machine.run("cat", path)
    advice = re.search(r"^# +(\(.*--check-config \))", settings, re.MULTILINE)[1]
    assert machine.run("sh", "-c", advice).strip() == "configuration is valid"
    machine.run("sh", "-c", f"echo METRICS_PORT=none >>{path}")
    refused = machine.run("sh", "-c", advice, check=False)
    machine.run("sed", "-i", "$d", path)
    assert refused.returncode == 2 and "METRICS_PORT" in refused.stderr
    assert machine.run("cat", path) == settings


def test_the_proxy_has_descriptors_for_its_connections_on_sixteen_processors(machine):
    assert int(machine.property("gopher-proxy", "LimitNOFILE")) > 16 * 2 * 20000


@pytest.mark.parametrize("unit", UNITS)
def test_a_service_that_ends_again_and_again_is_always_started_again(machine, unit):
    for _ in range(6):  # systemd's own limit is five starts within ten seconds
        before = machine.property(unit, "MainPID")
        machine.run("kill", "-KILL", before)
        eventually(
            lambda before=before: machine.property(unit, "MainPID") not in ("0", before)
            and machine.property(unit, "ActiveState") == "active",
            15, f"{unit} runs again", every=0.2,
        )  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_a_service_that_hangs_is_ended_and_started_again(machine, unit):
    machine.run("sh", "-c", f"mkdir -p /run/systemd/system/{unit}.service.d")
    machine.run(
        "sh", "-c", f"printf '[Service]\\nWatchdogSec=2s\\n' >/run/systemd/system/{unit}.service.d/watchdog.conf"
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", unit)
    before = machine.property(unit, "MainPID")
    machine.run("kill", "-STOP", before)

    def started_again():
        return machine.property(unit, "NRestarts") == "1" and machine.property(unit, "ActiveState") == "active"

    eventually(started_again, 30, f"{unit} runs again", every=0.5)
    assert machine.property(unit, "MainPID") != before


def test_a_setting_of_the_environment_file_counts_and_a_bad_one_is_not_tried_again(machine):
    machine.run("sh", "-c", "echo PROXY_PORT=8090 >>/etc/default/gopher-proxy")
    machine.run("systemctl", "restart", "gopher-proxy")
    assert machine.run("gopher-proxy", "--health").startswith("gopher-proxy: healthy")
    eventually(
        lambda: "SERVER" in machine.run("curl", "-s", "http://127.0.0.1:8090/", check=False).stdout, 15, every=0.6
    )
    machine.run("sh", "-c", "echo PROXY_PORT=eighty >>/etc/default/gopher-proxy")
    assert machine.run("systemctl", "restart", "gopher-proxy", check=False).returncode != 0
    assert machine.property("gopher-proxy", "ActiveState") == "failed"
    assert machine.property("gopher-proxy", "ExecMainStatus") == "2"
    machine.run("sh", "-c", "sed -i '/eighty/d' /etc/default/gopher-proxy")
    machine.run("systemctl", "restart", "gopher-proxy")


def test_an_upgrade_runs_the_new_binary_and_leaves_what_the_administrator_chose(machine):
    machine.run("systemctl", "disable", "gopher-sentinel")
    before = [machine.property(unit, "MainPID") for unit in UNITS]
    machine.run("sh", "-c", "dpkg -i /packages/*.deb")  # the same version, which takes the same steps
    for unit, old in zip(UNITS, before):
        assert machine.property(unit, "ActiveState") == "active"
        assert machine.property(unit, "MainPID") not in ("0", old)
    assert machine.run("systemctl", "is-enabled", "gopher-sentinel", check=False).stdout.strip() == "disabled"
    assert "PROXY_PORT=8090" in machine.run("cat", "/etc/default/gopher-proxy")


@pytest.mark.parametrize("unit", UNITS)
def test_a_stop_is_a_clean_end(machine, unit):
    machine.run("systemctl", "stop", unit)
    assert machine.property(unit, "Result") == "success"
    assert machine.property(unit, "ExecMainStatus") == "0"
    machine.run("systemctl", "start", unit)


def test_a_purge_leaves_nothing(machine):
    machine.run("dpkg", "--purge", *UNITS)
    named = "-name 'gopher-proxy*' -o -name 'gopher-sentinel*'"
    left = machine.run("sh", "-c", f"find / -xdev {named} | sort").split()
    # The test's own: the packages themselves and the drop-ins.
    assert [path for path in left if not path.startswith(("/packages/", "/run/"))] == []
