"""What Prometheus is told and what it says: configuration, rules, every query of the dashboard on the running stack."""

import json
import math
import re

import pytest
import yaml
from harness.http import get, post
from harness.polling import eventually
from stack import ROOT, docker

FOLDER = ROOT / "docker/prometheus"
DASHBOARD = json.loads((ROOT / "docker/grafana/dashboards/gopherproxy.json").read_text())
VARIABLES = [variable for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def rules():
    groups = [group for file in FOLDER.glob("rules/*.yml") for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments):
    mounted = ("-v", f"{ROOT}:/src:ro", "--network", "none", "--entrypoint", "promtool")
    result = docker("run", "--rm", *mounted, "prom/prometheus:v3.2.1", *arguments, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_configuration_and_rules_are_valid(images):
    assert "SUCCESS" in promtool("check", "config", "/src/docker/prometheus/prometheus.yml")


def test_each_alert_fires_when_it_should_and_not_before(images):
    promtool("test", "rules", "/src/tests/stack/alerts_test.yaml")
    cases = yaml.safe_load((ROOT / "tests/stack/alerts_test.yaml").read_text())["tests"]
    tried = [rule for case in cases for rule in case["alert_rule_test"]]
    for alert in {rule["alert"] for rule in rules() if "alert" in rule}:
        verdicts = {bool(rule["exp_alerts"]) for rule in tried if rule["alertname"] == alert}
        assert verdicts == {True, False}, f"{alert} is not tried both ways"


def test_each_alert_says_how_grave_it_is_and_what_happened():
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("page", "ticket"), rule
            assert rule["annotations"]["summary"], rule


def test_every_target_is_up(stack):
    def all_up():
        targets = stack.prometheus("targets", state="active")["activeTargets"]
        up = sorted(target["labels"]["job"] for target in targets if target["health"] == "up")
        return up == ["gopher-proxy", "gopher-sentinel", "prometheus"]

    eventually(all_up, 60, "three targets are up", every=1)


def test_every_rule_is_loaded_and_evaluated_without_error(stack):
    def evaluated():
        loaded = [rule for group in stack.prometheus("rules")["groups"] for rule in group["rules"]]
        names = {rule["name"] for rule in loaded}
        assert names == {rule.get("alert") or rule["record"] for rule in rules()}
        return all(rule["health"] == "ok" for rule in loaded)

    eventually(evaluated, 40, "every rule is evaluated", every=1)


def test_the_configuration_is_reloaded_on_request(stack):
    assert post(stack.prometheus_port, "", "/-/reload").status == 200
    assert get(stack.prometheus_port, "/-/ready").status == 200


def substituted(expression):
    for variable, value in {"$__rate_interval": "1m", "$instance": ".*", "$backend": ".*"}.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_of_the_dashboard_shows_data(stack, panel):
    assert panel["datasource"]["uid"] == "prometheus"
    for target in panel["targets"]:
        query = substituted(target["expr"])

        def numbers(query=query):
            result = stack.prometheus("query", query=query)["result"]
            return [value for sample in result if not math.isnan(value := float(sample["value"][1]))]

        eventually(numbers, 60, f"{panel['title']}: data for {query}", every=1)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable["name"])
def test_a_variable_of_the_dashboard_has_values(stack, variable):
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
    assert stack.prometheus(f"label/{label}/values", **{"match[]": metric})


def test_every_metric_that_a_rule_or_panel_names_exists(stack):
    names = set(stack.prometheus("label/__name__/values"))
    queries = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in rules()]
    for query in queries:
        for name in re.findall(r"\b(?:gopherproxy|gophersentinel|process)[_:]\w+(?::\w+)*", query):
            assert name in names, f"{name} of {query}"
