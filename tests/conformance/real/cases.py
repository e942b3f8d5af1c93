"""The cases of ../cases/*.json, as the C++ runner reads them too (../case.cpp)."""

import json
import pathlib
from dataclasses import dataclass, field, replace

FOLDER = pathlib.Path(__file__).parents[1] / "cases"


@dataclass
class Reply:
    """What the scripted upstream does with one request."""

    on_head: bytes = b""
    send: bytes = b""
    then: str = ""


@dataclass
class Answer:
    statuses: list
    fields: dict = field(default_factory=dict)
    body: bytes = None
    tunnel: bytes = None
    interim: list = None  # None: any
    to_head: bool = False
    cut: bool = False


@dataclass
class Case:
    section: str
    number: int
    name: str
    world: str
    stricter: bool
    steps: list  # (kind, bytes)
    upstream: list
    answers: list
    connection: str
    forwarded: int
    requests: list  # as in the file
    partial: object  # a request without its end may have reached the upstream; "or whole": or one with it
    pooled: bool
    upstream_ended: bool

    @property
    def client_leaves(self):
        return any(kind in ("close", "reset") for kind, _ in self.steps)


def text(part):
    if isinstance(part, str):
        return part.encode("latin-1")
    if isinstance(part, list):
        return b"".join(text(one) for one in part)
    return text(part["repeat"]) * part["times"]


def fields(message, key="fields"):
    """{name: the values it must have}; no value: it must be absent."""
    wanted = {}
    for name, value in message.get(key, {}).items():
        values = [] if value is None else value if isinstance(value, list) else [value]
        wanted[name] = [text(one) for one in values]
    return wanted


def _steps(request):
    steps = []
    for part in request if isinstance(request, list) else [request]:
        if isinstance(part, str) or "repeat" in part:
            if steps and steps[-1][0] == "send":
                steps[-1] = ("send", steps[-1][1] + text(part))
            else:
                steps.append(("send", text(part)))
        else:
            ((kind, value),) = part.items()
            steps.append((kind, text(value) if isinstance(value, str) else b""))
    return steps


def _reply(reply):
    if not isinstance(reply, dict) or "repeat" in reply:
        return Reply(send=text(reply))
    return Reply(text(reply.get("on_head", "")), text(reply.get("send", "")), reply.get("then", ""))


def _answer(answer):
    if not isinstance(answer, dict):
        return Answer(answer if isinstance(answer, list) else [answer])
    status = answer["status"]
    interim = answer.get("interim")
    return Answer(
        statuses=status if isinstance(status, list) else [status],
        fields=fields(answer),
        body=text(answer["body"]) if "body" in answer else None,
        tunnel=text(answer["tunnel"]) if "tunnel" in answer else None,
        interim=None if isinstance(interim, str) else interim,
        to_head=answer.get("head", False),
        cut=answer.get("cut", False),
    )


def _truncations(case, response, then):
    """Every proper prefix of a response, after which its connection ends."""
    head = response.index(b"\r\n\r\n") + 4
    for size in range(len(response)):
        cut = size >= head
        yield replace(
            case,
            upstream=[Reply(send=response[:size], then=then)],
            # A clean refusal is as good while nothing has been sent on.
            answers=[Answer([200, 502] if cut else [502], cut=cut)],
            forwarded=1,
            pooled=False,
        )


def _read(section, source):
    forwarded = source.get("forwarded")
    answers = [_answer(source["status"])] if "status" in source else [_answer(one) for one in source.get("answers", [])]
    if forwarded is None:
        forwarded = sum(answer.statuses[0] < 400 for answer in answers)
    case = Case(
        section=section,
        number=source["number"],
        name=source["name"],
        world=source.get("world", "plain"),
        stricter=source.get("stricter", False),
        steps=_steps(source["request"]),
        upstream=[_reply(reply) for reply in source.get("upstream", [])],
        answers=answers,
        connection=source.get("connection", "either"),
        forwarded=len(forwarded) if isinstance(forwarded, list) else forwarded,
        requests=forwarded if isinstance(forwarded, list) else [],
        partial=source.get("partial", False),
        pooled=source.get("pooled"),
        upstream_ended=source.get("upstream_ended", False),
    )
    if "truncate" in source:
        yield from _truncations(case, text(source["truncate"]), source["then"])
    else:
        yield case


def all_cases(numbers=()):
    cases = []
    for path in sorted(FOLDER.glob("*.json")):
        section = json.loads(path.read_text())
        for source in section["cases"]:
            if not numbers or source["number"] in numbers:
                cases.extend(_read(section["section"], source))
    return cases
