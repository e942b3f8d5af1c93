"""The binaries under test, as processes that know their ports."""

import re

from .http import get
from .polling import eventually
from .ports import reserve_port
from .process import Process, binary


def parse_metrics(text):
    """Prometheus text → {name: {labels as written, sorted: value}}."""
    metrics = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
        if not match:
            raise ValueError(f"no sample of a metric: {line!r}")
        labels = tuple(sorted(re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', match[2] or "")))
        metrics.setdefault(match[1], {})[labels] = float(match[3])
    return metrics


class WithMetricsPort(Process):
    metrics_port = None

    def metrics(self):
        answer = get(self.metrics_port, "/metrics")
        assert answer.status == 200
        return parse_metrics(answer.body.decode())

    def metric(self, name, **labels):
        """The sum of the samples of that name that have these labels; 0 when there is none."""
        wanted = set(labels.items())
        return sum(value for have, value in self.metrics().get(name, {}).items() if wanted <= set(have))

    def start(self):
        super().start()

        def answers():
            assert self.is_running(), f"{self.name} ended at start, exit code {self.child.poll()}\n{self.log_tail()}"
            return get(self.metrics_port, "/healthz").status == 200

        eventually(answers, what=f"{self.name} answers on its metrics port")
        return self


class Proxy(WithMetricsPort):
    """Without the rate limit unless asked for, and with intervals short enough for tests."""

    DEFAULTS = {
        "RATE_LIMIT_RPS": "0",
        "WORKERS": "2",
        "DISCOVERY_INTERVAL": "100ms",
        "HEALTH_INTERVAL": "200ms",
        "HEALTH_TIMEOUT": "200ms",
    }

    def __init__(self, folder, redis_url=None, arguments=(), name="proxy", **environment):
        self.port, self.metrics_port = reserve_port(), reserve_port()
        settings = {"PROXY_PORT": self.port, "METRICS_PORT": self.metrics_port, **self.DEFAULTS}
        if redis_url:
            settings["REDIS_URL"] = redis_url
        settings.update(environment)
        settings = {name: value for name, value in settings.items() if value is not None}
        super().__init__(name, [binary("gopher-proxy"), *arguments], folder, settings)

    def ready(self):
        return get(self.metrics_port, "/readyz").status == 200

    def active(self):
        return self.metric("gopherproxy_active_backends")

    def until_active(self, count):
        eventually(lambda: self.active() == count, what=f"{count} active backends")
        return self

    def get(self, path="/", headers=None, source="127.0.0.1"):
        return get(self.port, path, headers, source)

    def request_lines(self, count, **fields):
        """The access log's lines, once there are that many of them with these values."""
        return eventually(
            lambda: (found := self.log(msg="request", **fields)) and len(found) >= count and found,
            what=f"{count} request lines with {fields} in the log",
        )


class Sentinel(WithMetricsPort):
    DEFAULTS = {"PROBE_INTERVAL": "100ms", "PROBE_TIMEOUT": "100ms", "PROBE_FALL": "2", "PROBE_RISE": "1"}

    def __init__(self, folder, redis_url, targets, name="sentinel", **environment):
        self.metrics_port = reserve_port()
        settings = {"METRICS_PORT": self.metrics_port, "REDIS_URL": redis_url, "SENTINEL_TARGETS": targets}
        settings.update(self.DEFAULTS)
        settings.update(environment)
        settings = {name: value for name, value in settings.items() if value is not None}
        super().__init__(name, [binary("gopher-sentinel")], folder, settings)

    def probed(self, times=5):
        """Waits until every target has been probed that many more times."""
        before = self.metrics()["gophersentinel_probes_total"]

        def enough():
            return self._probes_by_target(self.metrics(), before, times)

        eventually(enough, what=f"{times} more probes of each target")

    @staticmethod
    def _probes_by_target(metrics, before, times):
        counts = {}
        for labels, value in metrics["gophersentinel_probes_total"].items():
            target = dict(labels)["target"]
            counts[target] = counts.get(target, 0) + value - before.get(labels, 0)
        return counts and min(counts.values()) >= times


class DemoBackend(Process):
    def __init__(self, folder, number):
        self.port = reserve_port()
        self.number = number
        command = [binary("gopher-demo-backend"), "--port", self.port, "--server", number]
        super().__init__(f"demo-{number}", command, folder)

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    @property
    def member(self):
        return f"http://{self.target}"

    def start(self):
        super().start()
        eventually(lambda: get(self.port).status == 200, what=f"{self.name} answers")
        return self
