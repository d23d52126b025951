"""The measurements. Each goes through all servers in every round, in another order each time, and records what it sees."""

import gzip
import time
from dataclasses import dataclass, field

from harness import load
from harness.programs import say

CLIENTS_AT_ONCE = 1000
UNSTORED_AT_ONCE = 500
# Cores that others may keep busy under steady load: what the measuring itself and the kernel's threads take.
QUIET = 0.1
# How often a measurement is tried when others disturb it.
TRIES = 3
# Between two bursts: the connections of the last one are gone.
PAUSE = 0.5


@dataclass
class Bench:
    """The running servers, and how they are to be measured."""

    origin: object
    proxies: list
    ceilings: list
    burst: object
    program: object
    root: object
    client_cores: str
    proxy_cores: str
    rounds: int
    seconds: int
    record: object

    def rotated(self, servers, number):
        """So that none is always measured after the same other."""
        start = number % len(servers)
        return servers[start:] + servers[:start]

    def collapsing(self):
        """The servers that burst measurements compare; HAProxy forwards all of a burst."""
        return [self.origin, *(proxy for proxy in self.proxies if proxy.name != "HAProxy")]


@dataclass
class Workload:
    """One kind of request under steady load."""

    name: str
    path: str
    fields: dict = field(default_factory=dict)
    stored: bool = True


STORED = [
    Workload("hit 1 KiB", "/stored/1024"),
    Workload("hit 10 KiB", "/stored/10240"),
    Workload("hit 100 KiB", "/stored/102400"),
    Workload("304 for 1 KiB", "/stored/1024", {"If-None-Match": None}),
    Workload("hit 10 KiB JSON", "/json/10240"),
    Workload("the same as gzip", "/json/10240", {"Accept-Encoding": "gzip"}),
]
FORWARDED = [Workload("forwarded 1 KiB", "/unstored/1024", stored=False)]
PATHS = sorted({workload.path for workload in STORED})


def burst(bench):
    """One key that nobody has asked for, which the origin needs 300 ms for, asked for by 1000 clients at once."""
    for number in range(bench.rounds):
        for server in bench.rotated(bench.collapsing(), number):
            for client in ("burst", "oha"):
                path = f"/slow/{client}-{number}-{server.port}"
                result = at_once(bench, client, server, path, CLIENTS_AT_ONCE)
                bench.record("burst", server, number, client=client, **result)


def unstored(bench):
    """The same with a response that may not be stored: first nobody knows that, then everybody could."""
    for number in range(bench.rounds):
        for server in bench.rotated(bench.collapsing(), number):
            path = f"/slow-unstored/{number}-{server.port}"
            for known in (False, True):
                result = at_once(bench, "burst", server, path, UNSTORED_AT_ONCE)
                bench.record("unstored", server, number, known=known, **result)


def at_once(bench, client, server, path, clients):
    before = bench.origin.seen(path)
    if client == "oha":
        result = load.oha(server, bench.client_cores, path, clients)
    else:
        result = load.burst(bench.burst, server, bench.client_cores, path, clients)
    time.sleep(PAUSE)
    return result | {"origin_saw": bench.origin.seen(path) - before}


def hits(bench):
    """Stored responses, as fast as one client thread can ask for them."""
    steady(bench, STORED, [*bench.proxies, *bench.ceilings])


def forwarded(bench):
    """Responses that are known to be uncacheable."""
    steady(bench, FORWARDED, bench.proxies)


def rate(bench):
    """Latency at 70 % of what Forebay can do at most, for all servers at that same rate."""
    forebay = bench.proxies[0]
    for name, path in (("hit 1 KiB", "/stored/1024"), ("brief lives", BRIEF)):
        warm_up = load.oha_at_rate(forebay, bench.origin, bench.client_cores, path, 1_000_000, bench.seconds)
        wanted = int(warm_up["requests_per_second"] * SHARE)
        for number in range(bench.rounds):
            for server in bench.rotated(bench.proxies, number):
                result = load.oha_at_rate(server, bench.origin, bench.client_cores, path, wanted, bench.seconds)
                result["disturbed"] = result["others_busy"] > QUIET
                bench.record("rate", server, number, workload=name, wanted=wanted, **result)


# A thousand keys that are fresh for a second, and then validated while they are served stale.
BRIEF = "/brief/1024/[0-9][0-9][0-9]"
SHARE = 0.7


def steady(bench, workloads, servers):
    able = {}
    for workload in workloads:
        able[workload.name] = [server for server in servers if proved(bench, workload, server)]
        for server in able[workload.name]:
            load.wrk(server, bench.origin, bench.client_cores, workload.path, fields(workload, server), 1)
    for number in range(bench.rounds):
        for workload in workloads:
            for server in bench.rotated(able[workload.name], number):
                measure(bench, workload, server, number)


def measure(bench, workload, server, number):
    for _ in range(TRIES):
        seen = bench.origin.seen(workload.path)
        asked = fields(workload, server)
        result = load.wrk(server, bench.origin, bench.client_cores, workload.path, asked, bench.seconds)
        result["origin_saw"] = bench.origin.seen(workload.path) - seen
        result["disturbed"] = result["others_busy"] > QUIET
        bench.record("steady", server, number, workload=workload.name, **result)
        if not result["disturbed"]:
            break


def fields(workload, server):
    """The request's fields; the entity tag is the one that this server gives."""
    if "If-None-Match" not in workload.fields:
        return workload.fields
    return {"If-None-Match": server.get(workload.path)[1].get("ETag", "")}


def proved(bench, workload, server):
    """Whether the server does what is to be measured: the right status, the right bytes, without the origin or with it."""
    expected = bench.origin.get(workload.path)[2]
    wrong = "no answer"
    # What a server makes of a stored response it may make a little later.
    for _ in range(20):
        asked = fields(workload, server)
        seen = bench.origin.seen(workload.path)
        status, told, body = server.get(workload.path, asked)
        seen = bench.origin.seen(workload.path) - seen
        wrong = fault(workload, asked, expected, status, told, body, seen)
        if not wrong:
            return True
        time.sleep(0.1)
    say(f"bench/run: {server.name} is left out of '{workload.name}': {wrong}")
    bench.record("left out", server, 0, workload=workload.name, why=wrong)
    return False


def fault(workload, asked, expected, status, told, body, seen):
    if seen != (0 if workload.stored else 1):
        return f"the origin saw {seen} requests"
    if "If-None-Match" in asked:
        return "" if status == 304 else f"status {status}"
    if "Accept-Encoding" in asked:
        if told.get("Content-Encoding") != "gzip":
            return "not compressed"
        body = gzip.decompress(body)
    return "" if (status, body) == (200, expected) else f"status {status}, {len(body)} bytes"
