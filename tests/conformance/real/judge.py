"""Compares what was observed with what a case expects (as ../judge.cpp does)."""

from .cases import fields as expected_fields
from .cases import text


def _matches(value, pattern, client):
    pattern = pattern.replace(b"{client}", client)
    return value.startswith(pattern[:-1]) if pattern.endswith(b"*") else value == pattern


class Judge:
    def __init__(self, case, observed, client):
        self.case, self.observed, self.client = case, observed, client
        self.complaints = []
        self.refused = False

    def run(self):
        for data in self.observed.unmet:
            self.complain(f"never came: {data!r}")
        self.answers()
        self.connection()
        self.upstream()
        return self.complaints

    def complain(self, what):
        self.complaints.append(what)

    def fields(self, have, wanted, where):
        for name, patterns in wanted.items():
            values = [value for key, value in have if key == name]
            same = len(values) == len(patterns) and all(
                _matches(value, pattern, self.client) for value, pattern in zip(values, patterns)
            )
            # One field with a list says the same as several (RFC 9110 section 5.3).
            joined = _matches(b", ".join(values), b", ".join(patterns), self.client)
            if not same and not (values and patterns and joined):
                self.complain(f"{where}: {name} is {values}, not {patterns}")

    def answers(self):
        case, reading = self.case, self.observed.answers
        if reading.violation:
            self.complain(f"a malformed answer: {reading.violation}")
        if reading.rest and not case.client_leaves:
            self.complain(f"bytes that are no answer: {reading.rest[:100]!r}")
        interim, count = [], 0
        for message in reading.messages:
            if message.status < 200 and message.status != 101:
                interim.append(message.status)
                continue
            if count < len(case.answers):
                self.answer(message, case.answers[count], interim)
            interim = []
            count += 1
        if count != len(case.answers):
            self.complain(f"{count} answers, not {len(case.answers)}")

    def answer(self, message, expected, interim):
        if message.status not in expected.statuses:
            self.complain(f"answered {message.status}, not {expected.statuses}")
        self.refused |= message.status >= 400
        cut = expected.cut and message.status < 400
        if message.whole == cut and message.status != 101:
            self.complain("the answer seems whole" if cut else "the answer is not whole")
        if cut and not self.observed.over and not self.case.client_leaves:
            self.complain("the cut connection stayed open")
        if expected.interim is not None and expected.interim != interim:
            self.complain(f"interim answers {interim}, not {expected.interim}")
        self.fields(message.fields, expected.fields, "the answer")
        if expected.body is not None and expected.body != message.body:
            self.complain(f"the answer's body is {message.body[:100]!r}")
        if expected.tunnel is not None and expected.tunnel != message.body:
            self.complain(f"the tunnel gave {message.body[:100]!r}")

    def connection(self):
        case, seen = self.case, self.observed
        must_end = case.connection in ("closed", "ended") and not case.client_leaves
        if must_end and not seen.ended_in_time:
            self.complain("the connection stayed open")
        if case.connection == "ended" and seen.over and not seen.ended:
            self.complain("the connection was reset")
        if not case.answers and not case.client_leaves and seen.received:
            self.complain("it did not close silently")
        if case.connection == "kept" and seen.over:
            self.complain("the connection was not kept")
        if seen.probe_after not in (b"", b"200 probe"):
            self.complain(f"a further request on it got {seen.probe_after!r}")
        if seen.probe_beside not in (b"", b"200 probe"):
            self.complain(f"another client's request got {seen.probe_beside!r}")
        if case.pooled is False and seen.probe_shared_connection:
            self.complain("the upstream connection was used again")
        if case.pooled is True and not seen.probe_shared_connection:
            self.complain("the upstream connection was not kept")
        if case.upstream_ended and not seen.upstream_ended:
            self.complain("the upstream connection stayed open")

    def upstream(self):
        case = self.case
        may_refuse = any(one.statuses[0] < 400 <= one.statuses[-1] < 500 for one in case.answers)
        expected = 0 if may_refuse and self.refused else case.forwarded
        messages = []
        for reading in self.observed.upstream:
            if reading.violation:
                self.complain(f"reached the upstream: {reading.violation}")
            messages += [message for message in reading.messages if message.whole]
            unfinished = reading.rest or not all(message.whole for message in reading.messages)
            if unfinished and not case.partial:
                self.complain(f"half a request reached the upstream: {reading.rest[:100]!r}")
        if case.partial == "or whole" and len(messages) <= 1:
            return
        if len(messages) != expected:
            self.complain(f"{len(messages)} requests reached the upstream, not {expected}")
            return
        for message, wanted in zip(messages, case.requests):
            self.request(message, wanted)

    def request(self, message, wanted):
        if "line" in wanted and text(wanted["line"]) != message.first_line:
            self.complain(f"forwarded as {message.first_line!r}")
        if "framing" in wanted and wanted["framing"] != message.framing:
            self.complain(f"forwarded with framing {message.framing}")
        if "body" in wanted and text(wanted["body"]) != message.body:
            self.complain(f"forwarded body {message.body[:100]!r}")
        self.fields(message.fields, expected_fields(wanted), "the forwarded request")
        self.fields(message.trailers, expected_fields(wanted, "trailers"), "the forwarded trailers")


def complaints(case, observed, client):
    return Judge(case, observed, client).run()
