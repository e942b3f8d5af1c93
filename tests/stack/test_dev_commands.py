"""./dev's own commands for operators, run as they are: they build and run on this machine, not in a container."""

import os
import re
import subprocess

from harness.ports import reserve_port
from stack import ROOT


def dev(*arguments, **environment):
    result = subprocess.run(
        [ROOT / "dev", *arguments], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_load_starts_a_stack_and_prints_and_writes_what_came_of_it():
    ports = ("PROXY_PORT", "METRICS_PORT", "SENTINEL_METRICS_PORT", "REDIS_PORT")
    settings = {port: str(reserve_port()) for port in ports}
    settings["DEMO_PORTS"] = ",".join(str(reserve_port()) for _ in range(3))
    words = dev("load", "smoke", "--seconds", "2", **settings)
    names, values = re.search(r"^( *shape .*)\n(.*)$", words, re.MULTILINE).groups()
    row = dict(zip(re.split(r"  +", names.strip()), re.split(r"  +", values.strip())))
    assert row["shape"] == "smoke" and int(row["answered/s"]) > 20 and row["errors"] == "0", words
    report = re.search(r"^Report: (.*\.html)$", words, re.MULTILINE)[1]
    assert "closed loop" in open(report, encoding="utf-8").read()
    assert dev("down") == "Nothing runs.\n"


def test_package_makes_two_whose_settings_are_conffiles_for_root_alone():
    files = sorted(re.findall(r"^(build/release/packages/\S+\.deb)$", dev("package"), re.MULTILINE))
    assert [re.match(r"[a-z-]+", os.path.basename(file))[0] for file in files] == ["gopher-proxy", "gopher-sentinel"]
    for file, name in zip(files, ("gopher-proxy", "gopher-sentinel")):

        def deb(*arguments, file=file):
            return subprocess.run(
                ["dpkg-deb", *arguments, ROOT / file], capture_output=True, text=True, check=True
            ).stdout  # fmt: skip

        held = {line.split()[5]: line.split()[:2] for line in deb("--contents").splitlines()}
        assert held[f"./etc/default/{name}"] == ["-rw-r-----", "root/root"]
        assert held[f"./usr/bin/{name}"][0] == "-rwxr-xr-x"
        unit = [path for path in held if path.endswith(f"/lib/systemd/system/{name}.service")]
        assert unit and deb("--info").count("conffiles")
