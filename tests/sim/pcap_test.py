"""gopher-sim run --pcap, read by the real tshark: its TCP analysis judges, the trace of the same run is the witness."""

import collections
import json
import os
import subprocess
from pathlib import Path

import pytest

BIN = Path(os.environ.get("GOPHER_BIN", "build/release/bin")).resolve()
SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
# What tshark flags when packets are missing, come in the wrong order or twice.
DISORDER = {
    "lost_segment": "a segment that nobody sent",
    "ack_lost_segment": "an acknowledgement of what nobody sent",
    "out_of_order": "a segment out of order",
    "retransmission": "a segment sent twice",
    "duplicate_ack": "an acknowledgement said twice",
    "reused_ports": "a connection on the ports of another",
}
FIELDS = ["frame.interface_name", "tcp.stream", "ipv6.version", "ip.checksum.status", "tcp.checksum.status",
          "_ws.malformed", "tcp.flags.str", "tcp.len", "http.request", "http.response", "http.request.uri",
          "tcp.analysis.window_full", "frame.time_epoch", "tcp.dstport", "resp.array", "resp.bulk_string.value",
          *(f"tcp.analysis.{name}" for name in DISORDER)]  # fmt: skip
TSHARK = ["tshark", "-n", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]

BIG_BODIES = """
story: Bodies larger than a packet.
duration: 6s
world:
  link: {latency: 1ms, bytes_per_second: 20000000}
  backends: [{name: b1, body: 200000}]
  sentinels: [{name: s1}]
  proxies: [{name: p1, limiter_rate: 0/s}]
  clients: [{name: c1, rate: 5/s, body: 300000}]
"""
UNREACHABLE = """
story: One backend is not there, another falls silent.
duration: 30s
settle: 40s
world:
  backends: [{name: b, count: 3}]
  sentinels: [{name: s1}]
  proxies: [{name: p1, limiter_rate: 0/s, connect_timeout: 4s, first_byte_timeout: 20s}]
  clients: [{name: c1, rate: 20/s, addresses: 5}]
timeline:
  - {at: 8s, crash: b1, for: 10s}
  - {at: 8s, vanish: b2, for: 10s}
"""


class Capture:
    """A run's packets, as tshark sees them, and its trace."""

    def __init__(self, folder, text):
        scenario = folder / "scenario.yaml"
        scenario.write_text(text)
        self.pcap = folder / "run.pcapng"
        self.trace_file = folder / "run.jsonl"
        gopher_sim = [BIN / "gopher-sim", "run", scenario, "--terse"]
        plain = subprocess.run(gopher_sim, stdout=subprocess.PIPE, text=True)
        taped = subprocess.run([*gopher_sim, "--pcap", self.pcap, "--trace", self.trace_file],
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert taped.stdout == plain.stdout and taped.stdout, "the capture changed the run"
        self.trace = [json.loads(line) for line in self.trace_file.read_text().splitlines()]
        fields = [word for field in FIELDS for word in ("-e", field)]
        seen = subprocess.run([*TSHARK, "-r", self.pcap, "-T", "fields", *fields],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)  # fmt: skip
        assert "cut short" not in seen.stderr and "damaged" not in seen.stderr
        self.packets = [dict(zip(FIELDS, line.split("\t"))) for line in seen.stdout.splitlines()]
        assert self.packets

    def events(self, name, **having):
        wanted = {"event": name, **having}
        return [event for event in self.trace if all(event.get(key) == value for key, value in wanted.items())]

    def flagged(self, name):
        return [packet for packet in self.packets if packet[f"tcp.analysis.{name}"]]

    def of(self, *nodes):
        """Packets that left these nodes."""
        return [packet for packet in self.packets if packet["frame.interface_name"] in nodes]

    def check_packets(self):
        for packet in self.packets:
            assert not packet["_ws.malformed"], packet
            assert packet["tcp.checksum.status"] == "1", packet
            assert packet["ip.checksum.status"] in ("1", ""), packet
        times = [packet["frame.time_epoch"] for packet in self.packets]
        assert times == sorted(times)
        assert times[0].startswith("17672256")  # 2026-01-01, when the world begins

    def check_order(self, *allowed):
        self.check_packets()
        for name, what in DISORDER.items():
            if name not in allowed:
                assert not self.flagged(name), f"{what}: {self.flagged(name)[0]}"

    def follow(self, stream):
        """(from the one who connected, from the other)"""
        shown = subprocess.run([*TSHARK, "-r", self.pcap, "-q", "-z", f"follow,tcp,raw,{stream}"],
                               stdout=subprocess.PIPE, text=True, check=True).stdout  # fmt: skip
        lines = shown.split("Node 1:")[1].splitlines()[1:]
        lines = [line for line in lines if line and not line.startswith("=")]
        sides = (b"".join(bytes.fromhex(line) for line in lines if not line.startswith("\t")),
                 b"".join(bytes.fromhex(line) for line in lines if line.startswith("\t")))  # fmt: skip
        return sides


def uris(packets):
    """Each request's; those pipelined into one packet stand together."""
    return [uri for packet in packets if packet["http.request"] for uri in packet["http.request.uri"].split(",")]


def messages(packets, kind):
    return sum(len(packet[kind].split(",")) for packet in packets if packet[kind])


def mix(z):
    mask = (1 << 64) - 1
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


def pattern(number, size):
    """The simulator's bodies: sim/http_text.cpp."""
    words = ((mix(mix(number + 1) ^ at) & 0x3F3F3F3F3F3F3F3F) + 0x3030303030303030 for at in range((size + 7) // 8))
    return b"".join(word.to_bytes(8, "little") for word in words)[:size]


def check_bodies(octets, target_of=None):
    """Every message of one side is whole and has the body of its number; gives how many there were."""
    count = 0
    while octets:
        head, _, rest = octets.partition(b"\r\n\r\n")
        lines = head.decode("ascii").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        size = int(fields.get("content-length", 0))
        number = fields.get("x-sim-request") or lines[0].split("/q/")[1].split(" ")[0]
        assert rest[:size] == pattern(int(number), size)
        octets = rest[size:]
        count += 1
    return count


def stream_of(packets, filled):
    """The stream with the most of `filled`."""
    return collections.Counter(packet["tcp.stream"] for packet in packets if packet[filled]).most_common(1)[0][0]


@pytest.fixture
def capture(tmp_path):
    def capture(scenario, duration=None):
        text = scenario if "\n" in scenario else (SCENARIOS / f"{scenario}.yaml").read_text()
        if duration:  # its expectations are not what is judged here
            lines = text.split("\nexpect:")[0].splitlines()
            text = "\n".join(f"duration: {duration}" if line.startswith("duration:") else line for line in lines) + "\n"
        return Capture(tmp_path, text)

    return capture


def check_http(run, *backends):
    """tshark dissects as many messages as the trace tells, each with the target that was asked for."""
    clients = {event["clients"] for event in run.events("request_sent")}
    asked = [f"/q/{event['id']}" for event in run.events("request_sent")]
    assert sorted(uris(run.of(*clients))) == sorted(asked)
    # A response that was cut is no message to tshark.
    cut = len(run.events("request_ended", outcome="cut"))
    assert messages(run.of("p1"), "http.response") == len(run.events("request_ended", outcome="answered"))
    assert messages(run.of("p1"), "http.request") == len(run.events("backend_received"))
    assert messages(run.of(*backends), "http.response") == len(run.events("backend_answered")) - cut


def test_crumbs_of_bytes_are_whole_streams(capture):
    run = capture("byte_by_byte", duration="6s")
    run.check_order()
    check_http(run, "b1", "b2")
    assert max(int(packet["tcp.len"]) for packet in run.of("gets")) <= 7
    asked, answered = run.follow(stream_of(run.of("posts"), "http.request"))
    assert check_bodies(asked) == check_bodies(answered) >= 1


def test_a_backend_that_cuts_its_bodies(capture):
    run = capture("reset_in_mid_body")
    run.check_order()
    check_http(run, "b1", "b2")
    # After each, the proxy is the one who ends the connection.
    cut = run.events("request_ended", outcome="cut")
    first_to_end = {}
    for packet in run.packets:
        if "F" in packet["tcp.flags.str"]:
            first_to_end.setdefault(packet["tcp.stream"], packet["frame.interface_name"])
    asked = {packet["tcp.stream"] for packet in run.of("c1") if packet["http.request"]}
    assert sum(first_to_end.get(stream) == "p1" for stream in asked) >= len(cut) > 100


def test_a_flood_over_ipv6_is_seen_as_ipv6(capture):
    run = capture("ipv6_flood_over_a_64", duration="15s")
    run.check_order()
    check_http(run, "b1")
    assert all(packet["ipv6.version"] for packet in run.of("flood", "other"))


@pytest.mark.parametrize("scenario", ["redis_answers_lost", "redis_restarts_empty", "redis_answers_an_error"])
def test_redis_is_readable(capture, scenario):
    run = capture(scenario)
    run.check_order()
    said = collections.Counter()
    for packet in run.of("p1", "s1"):
        for value in packet["resp.bulk_string.value"].split(","):
            said[bytes.fromhex(value).decode("ascii")] += 1
    assert said["SMEMBERS"] >= 8 and said["SADD"] >= 1 and said["gopher_backends"] >= 9
    assert any(packet["resp.array"] for packet in run.of("redis"))
    # Nothing that goes to or comes from Redis is anything else.
    for packet in run.of("p1", "s1", "redis"):
        if packet["tcp.dstport"] == "6379" and packet["tcp.len"] != "0":
            assert packet["resp.array"], packet


def test_what_a_partition_holds_is_sent_again_once_it_passes(capture):
    run = capture("partition_between_proxy_and_one_backend", duration="90s")
    # The partition's own: data and SYNs that nobody answered are sent again.
    run.check_order("retransmission", "duplicate_ack", "out_of_order")
    again = run.flagged("retransmission")
    assert again
    assert {packet["frame.interface_name"] for packet in again} <= {"p1", "b2"}
    begin = 1767225600
    assert all(begin + 20 <= float(packet["frame.time_epoch"]) <= begin + 81 for packet in again)


def test_refused_hanging_and_half_open_connections(capture):
    run = capture(UNREACHABLE)
    run.check_order("retransmission", "duplicate_ack", "out_of_order")
    flags = collections.Counter(packet["tcp.flags.str"].strip("·") for packet in run.of("b1"))
    by_stream = collections.defaultdict(list)
    for packet in run.packets:
        by_stream[packet["tcp.stream"]].append((packet["frame.interface_name"], packet["tcp.flags.str"].strip("·")))
    handshakes = [packets for packets in by_stream.values() if packets[0][1] == "S"]
    assert len(handshakes) == len(by_stream)
    # Refused: a SYN, a reset, and nothing more.
    assert any(len(packets) == 2 and packets[1] == ("b1", "A·R") for packets in handshakes), flags
    # Hanging: the SYN again, to whom nobody answers.
    assert any(len(packets) >= 2 and {flag for _, flag in packets} == {"S"} for packets in handshakes)
    # Half-open: what comes for a connection that b2 has forgotten is answered by a reset.
    assert any(len(packets) > 4 and packets[-1] == ("b2", "A·R") for packets in handshakes)


def test_what_no_packet_can_hold_is_split(capture):
    run = capture(BIG_BODIES)
    run.check_order()
    assert max(int(packet["tcp.len"]) for packet in run.packets) == 65495
    asked, answered = run.follow(stream_of(run.of("c1"), "http.request"))
    assert check_bodies(asked) == check_bodies(answered) >= 10


def test_connections_end_as_tcp_ends_them(capture):
    run = capture("ipv6_flood_over_a_64", duration="12s")
    run.check_order()
    complete = subprocess.run([*TSHARK, "-r", run.pcap, "-T", "fields", "-e", "tcp.stream", "-e", "tcp.completeness"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout  # fmt: skip
    streams = dict(line.split("\t") for line in complete.splitlines())
    # 31: SYN, SYN-ACK, ACK, data and FIN; 15 where nothing was said. With 32 or more, a reset was seen.
    assert all(int(value) & 7 == 7 for value in streams.values())
    ended = [value for value in streams.values() if int(value) & (16 | 32)]
    assert len(ended) == len(streams)
