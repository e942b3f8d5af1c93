"""The images: small, without a shell, for user 1001, stamped with what they hold."""

import json
import subprocess

import pytest
from stack import ROOT, VERSION, docker, image

PROGRAMS = {"proxy": "gopher-proxy", "sentinel": "gopher-sentinel", "demo-backend": "gopher-demo-backend"}
MEGABYTE = 1_000_000


def run(name, *arguments):
    hardened = ("--read-only", "--cap-drop", "ALL", "--network", "none", "--security-opt", "no-new-privileges")
    return docker("run", "--rm", *hardened, image(name), *arguments, check=False)


@pytest.mark.parametrize("name", [*PROGRAMS, "sim"])
def test_an_image_is_small_and_has_no_shell(images, name):
    info = json.loads(docker("image", "inspect", image(name)))[0]
    print(f"\n{image(name)}: {info['Size'] / MEGABYTE:.1f} MB")
    assert info["Size"] < 25 * MEGABYTE
    assert info["Config"]["User"] == "1001:1001"
    shell = docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image(name), check=False)
    assert shell.returncode == 127, shell.stderr


@pytest.mark.parametrize(("name", "program"), PROGRAMS.items())
def test_an_image_says_which_commit_it_holds(images, name, program):
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert run(name, "--version").stdout == f"{program} {VERSION} (commit {commit[:7]})\n"


@pytest.mark.parametrize(("name", "program"), PROGRAMS.items())
def test_the_health_check_of_an_image_fails_where_nothing_runs(images, name, program):
    info = json.loads(docker("image", "inspect", image(name)))[0]
    assert info["Config"]["Healthcheck"]["Test"] == ["CMD", program, "--health"]
    result = run(name, "--health")
    assert result.returncode == 1
    assert result.stderr.startswith(f"{program}: unhealthy: http://127.0.0.1:")


def test_the_simulator_runs_a_scenario_in_its_image(images):
    result = run("sim", "run", "scenarios/rolling_restart.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
