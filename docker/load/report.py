#!/usr/bin/env python3
"""report.py REPORT.html < RESULT.json: prints the table of a gopher-load run and writes it as one page with plots."""

import html
import json
import sys

WIDTH, HEIGHT, LEFT, BOTTOM = 860, 220, 56, 24

STYLE = """
:root { color-scheme: light dark; --text: #1a1d21; --back: #fff; --line: #d5d9de; --faint: #68707a; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8ea; --back: #15181c; --line: #333940; --faint: #98a1ab; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 2rem auto;
  max-width: 900px; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0 2rem; } th, td { text-align: right; padding: .3rem .8rem;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; } th { color: var(--faint); }
polyline { fill: none; stroke-width: 1.5; stroke-linecap: round; }
svg { width: 100%; height: auto; } svg text { fill: var(--faint); font-size: 11px; } figure { margin: 0 0 2rem; }
figcaption { font-weight: 600; } figcaption span { font-weight: 400; margin-left: 1rem; white-space: nowrap; }
"""
COLORS = {"users": "#7a5cc4", "answered": "#2f9e5b", "429": "#d98a1f", "errors": "#d33c3c",
          "p50": "#3b82c4", "p95": "#d98a1f", "p99": "#d33c3c"}  # fmt: skip


def row(result):
    """The columns of the table, in order."""
    seconds = result["seconds"]

    def milliseconds(name):
        return "-" if result[name] is None else f"{result[name]:.2f}"

    return {
        "shape": result["shape"],
        "seconds": f"{seconds:.0f}",
        "requests": f"{result['requests']:,}",
        "asked/s": f"{result['requests'] / seconds:,.0f}",
        "answered/s": f"{result['answered'] / seconds:,.0f}",
        "p50 ms": milliseconds("p50_ms"),
        "p95 ms": milliseconds("p95_ms"),
        "p99 ms": milliseconds("p99_ms"),
        "errors": f"{result['other_status'] + result['failed']:,}",
        "429": f"{result['rate_limited']:,} ({result['rate_limited'] / max(result['requests'], 1):.0%})",
    }


def scale_top(value):
    """The next of 1, 2, 5, 10, 20, … that is not below."""
    top = 1
    while True:
        for step in (1, 2, 5):
            if top * step >= value:
                return top * step
        top *= 10


def runs(values):
    """(second, value) of each unbroken run of values: a None is a gap."""
    run = []
    for second, value in enumerate([*values, None]):
        if value is not None:
            run.append((second, value))
        elif run:
            yield run
            run = []


def plot(title, unit, lines):
    """A figure with one line for each name in `lines`, a value a second; None where there is nothing to show."""
    count = max(len(values) for values in lines.values())
    top = scale_top(max((value for values in lines.values() for value in values if value is not None), default=0))
    wide, high = WIDTH - LEFT - 8, HEIGHT - BOTTOM - 10

    def x(second):
        return LEFT + wide * second / max(count - 1, 1)

    def y(value):
        return 10 + high * (1 - value / top)

    parts = []
    for part in range(5):
        value = top * part / 4
        at = f"{y(value):.1f}"
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{at}" y2="{at}" stroke="var(--line)"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for part in range(6):
        second = (count - 1) * part / 5
        parts.append(f'<text x="{x(second):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{second:.0f} s</text>')
    legend = ""
    for name, values in lines.items():
        for run in runs(values):
            # A second alone between two gaps is a line to itself: a dot.
            points = " ".join(f"{x(second):.1f},{y(value):.1f}" for second, value in (run if run[1:] else run * 2))
            parts.append(f'<polyline points="{points}" stroke="{COLORS[name]}"/>')
        legend += f'<span style="color:{COLORS[name]}">{html.escape(name)}</span>'
    picture = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">{"".join(parts)}</svg>'
    return f"<figure><figcaption>{html.escape(title)}, {html.escape(unit)}{legend}</figcaption>{picture}</figure>"


def page(result):
    timeline = result["timeline"]

    def column(name):
        return [second[name] for second in timeline]

    columns = row(result)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    cells = "".join(f"<td>{html.escape(value)}</td>" for value in columns.values())
    figures = [
        plot("Users", "at once", {"users": column("users")}),
        plot("Requests", "a second", {"answered": column("answered"), "429": column("rate_limited"),
                                      "errors": [second["other_status"] + second["failed"] for second in timeline]}),
        plot("Latency of those answered", "ms", {name: column(f"{name}_ms") for name in ("p50", "p95", "p99")}),
    ]  # fmt: skip
    shape = html.escape(result["shape"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Load: {shape}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
        f"<h1>Load: {shape}</h1><p>From {result['addresses']:,} client addresses, on one machine with the proxy and "
        f"its backends. A closed loop: each user asks, waits for the answer, and asks again {result['pause_ms']:g} ms "
        "later. A proxy that is slow is asked less often, so these latencies are those of the users whose turn came, "
        "not of clients who come at their own time (coordinated omission).</p>"
        f"<table><tr>{head}</tr><tr>{cells}</tr></table>{''.join(figures)}</html>\n"
    )


def main():
    result = json.load(sys.stdin)
    columns = row(result)
    widths = {name: max(len(name), len(value)) for name, value in columns.items()}
    print("  ".join(name.rjust(widths[name]) for name in columns))
    print("  ".join(value.rjust(widths[name]) for name, value in columns.items()))
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(page(result))
    print(f"Report: {sys.argv[1]}")


if __name__ == "__main__":
    main()
