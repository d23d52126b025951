"""How cost grows: with routes, stored responses, connections, cores and what is declared; and what is kept costs in memory.

Each measurement runs an instance of Forebay of its own, beside the idle ones that the other measurements compare."""

import itertools
import os
import socket
import time
from contextlib import ExitStack, contextmanager

from harness import fleet, load, machine, servers
from harness.measurements import QUIET, TRIES
from harness.programs import say

PATH = "/stored/1024"
ROUTES = (1, 50, 1000)
STORED = (1_000, 1_000_000)
CONNECTIONS = (10, 64, 1_000, 10_000)
IDLE = 10_000
# Of all cores together at the same rate: so much that one thread has work, and two do not wait for each other.
RATE_FOR_CORES = 20_000
BODY = 1024
# Longer than it takes a connection without a request to rest, and an allocator to notice.
SETTLING = 5
# So many that hardly two clients ask for the same at once.
KEYS_IN_TIERS = 10_000

_ports = itertools.count(7120, 2)


def routes(bench):
    """The same hit, among so many routes."""
    compare(bench, "routes", {count: {"routes": count} for count in ROUTES}, lambda server: hit(bench, server))


def connections(bench):
    """The same hit, over so many connections."""
    with instance(bench) as server:
        for number in range(bench.rounds):
            for count in bench.rotated(list(CONNECTIONS), number):
                record(bench, "connections", count, number, server, lambda: hit(bench, server, connections=count))


def declared(bench):
    """The same hit, and the same with what an operator may want to know and forbid."""
    variants = {"metrics alone": {}, "limits by tier and the JSON access log": {"extra": LIMITED, "access": "all"}}
    compare(bench, "declared", variants, lambda server: hit(bench, server))


LIMITED = """
[rate_limit]
client = ["header:x-api-key", "ip"]
default_tier = "anonymous"

[rate_limit.tiers]
anonymous = ["1000000/s", "100000000/h"]
"""


def tiers(bench):
    """Hits of keys chosen at random, in memory and in a Redis on the clients' core, with nothing in memory."""
    redis = fleet.Redis()
    try:
        os.sched_setaffinity(redis.process.pid, map(int, bench.client_cores.split(",")))
        shared = {"capacity": "0B", "extra": f'\n[redis]\nurl = "redis://{servers.HOST}:{redis.port}/0"\n'}
        with ExitStack() as stack:
            running = {"memory": stack.enter_context(instance(bench)), "Redis": stack.enter_context(instance(bench, **shared))}
            for server in running.values():
                load.fill(server, bench.client_cores, BODY, KEYS_IN_TIERS, 0)
            for number in range(bench.rounds):
                for tier in bench.rotated(list(running), number):
                    server = running[tier]
                    record(bench, "tiers", tier, number, server, lambda: hit(bench, server, keys=KEYS_IN_TIERS))
    finally:
        redis.stop()


def cores(bench):
    """The same rate of hits, served by one thread and by two. Clients have to share their cores."""
    both = f"{bench.client_cores},{bench.proxy_cores}"
    variants = {1: {"threads": 1, "cores": both}, 2: {"threads": 2, "cores": both}}
    compare(bench, "cores", variants, lambda server: at_rate(bench, server, both, RATE_FOR_CORES))


def stored(bench):
    """Hits of keys chosen at random among so many; and what a stored response takes of memory."""
    for count in STORED:
        with instance(bench, capacity="8GiB") as server:
            server.get(f"/many/{BODY}/warm")
            before = machine.resident_bytes(server.process.pid)
            fill(bench, server, count)
            each = (machine.resident_bytes(server.process.pid) - before) / count
            own = own_bytes(server, count)
            if count == max(STORED):
                bench.record("memory", server, 0, what="stored responses", count=count, each=each, beyond=each - own)
            for number in range(bench.rounds):
                record(bench, "stored", count, number, server, lambda: hit(bench, server, keys=count))


def idle(bench):
    """What a connection takes of memory that has had one answer, and has rested since."""
    with instance(bench) as server:
        before = settled_bytes(server)
        request = f"GET {PATH} HTTP/1.1\r\nHost: {servers.HOST}\r\n\r\n".encode()
        sockets = []
        for _ in range(IDLE):
            sockets.append(socket.create_connection((servers.HOST, server.port)))
            sockets[-1].sendall(request)
        for connection in sockets:
            read = 0
            while read < BODY:
                read += len(connection.recv(65536))
        each = (settled_bytes(server) - before) / IDLE
        bench.record("memory", server, 0, what="idle connections", count=IDLE, each=each)
        for connection in sockets:
            connection.close()


def settled_bytes(server):
    """Resident memory once nothing has happened for a while but a request now and then: allocators give back what is free
    only while they are used."""
    until = time.monotonic() + SETTLING
    while time.monotonic() < until:
        server.get(PATH)
        time.sleep(0.001)
    return machine.resident_bytes(server.process.pid)


def compare(bench, name, variants, measure):
    """All variants run at once, and are measured in turn."""
    running = {}
    with ExitStack() as stack:
        for variant, options in variants.items():
            running[variant] = stack.enter_context(instance(bench, **options))
        for number in range(bench.rounds):
            for variant in bench.rotated(list(variants), number):
                server = running[variant]
                record(bench, name, variant, number, server, lambda: measure(server))


@contextmanager
def instance(bench, cores=None, **options):
    port = next(_ports)
    server = servers.forebay(bench.program, bench.root, port=port, **options)
    server.start(cores or bench.proxy_cores, bench.root / f"forebay-{port}")
    try:
        # Stored, in every coding it has, before it is measured.
        for _ in range(5):
            server.get(PATH)
            time.sleep(0.1)
        yield server
    finally:
        server.stop()


def record(bench, name, variant, number, server, measure):
    for _ in range(TRIES):
        result = measure()
        result["disturbed"] = result["others_busy"] > QUIET
        bench.record("growth", server, number, of=name, variant=variant, **result)
        if not result["disturbed"]:
            break


def hit(bench, server, connections=load.CONNECTIONS, keys=None):
    script = {"script": "keys.lua", "arguments": [BODY, keys]} if keys else {}
    return load.wrk(server, bench.origin, bench.client_cores, PATH, {}, bench.seconds, connections=connections, **script)


def at_rate(bench, server, cores, rate):
    return load.oha_at_rate(server, bench.origin, cores, PATH, rate, bench.seconds)


def fill(bench, server, count):
    """Every key once."""
    say(f"bench/run: filling {server.name} with {count} responses")
    while (there := stored_responses(server)) < count * 0.999:
        # Those that were cut off when the time was over are asked for again.
        load.fill(server, bench.client_cores, BODY, count, max(0, there - load.CONNECTIONS))


def stored_responses(server):
    connection = servers.Server("admin", servers.admin_port(server.port))
    lines = connection.get("/metrics")[2].decode().splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("forebay_stored_responses "))))


def own_bytes(server, count):
    """What is told of a response: its URL, its field lines and its body."""
    path = f"/many/{BODY}/{count // 2}"
    _, fields, body = server.get(path)
    told = sum(len(name) + len(value) + 4 for name, value in fields.items() if name.lower() not in ADDED)
    return len(f"http://{servers.HOST}:{server.port}{path}") + told + len(body)


# By Forebay, when it answers.
ADDED = {"age", "cache-status", "via", "content-length", "connection"}
