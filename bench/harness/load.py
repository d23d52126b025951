"""The clients: wrk for steady load, our own burst, and oha for what a user of oha sees."""

import json
import resource
import subprocess
import time
from pathlib import Path

from harness import machine, programs

SCRIPTS = programs.BENCH / "wrk"
CONNECTIONS = 64


def wrk(server, origin, cores, path, fields, seconds, connections=CONNECTIONS, script="report.lua", arguments=()):
    """Steady load from one thread. CPU times are those of the server, per request."""
    command = pinned(cores, programs.find("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s")
    for name, value in fields.items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(SCRIPTS / script), server.url(path)]
    if arguments:
        command += ["--", *map(str, arguments)]
    return watched(server, origin, command, wrk_told)


def wrk_told(text):
    told = json.loads(text.rpartition("JSON ")[2])
    requests = max(told["requests"], 1)
    return told | {
        "requests_per_second": told["requests"] / told["seconds"],
        "bytes_per_request": told["bytes"] / requests,
    }


def oha_at_rate(server, origin, cores, path, rate, seconds):
    """So many requests a second, however long each takes: one that had to wait until it was sent has waited."""
    command = pinned(cores, programs.oha(), "-q", rate, "-z", f"{seconds}s", "-c", CONNECTIONS, "--latency-correction")
    command += ["--rand-regex-url"] if "[" in path else []
    command += ["--no-tui", "--output-format", "json", server.url(path)]
    return watched(server, origin, command, oha_told)


def oha_told(text):
    told = json.loads(text)
    codes = told["statusCodeDistribution"]
    # Those that it cut off when the time was over are no failures.
    failed = sum(count for error, count in told["errorDistribution"].items() if "deadline" not in error)
    percentiles = told["latencyPercentiles"]
    return {
        "requests": sum(codes.values()),
        "failed": failed + sum(count for code, count in codes.items() if code != "200"),
        "requests_per_second": told["summary"]["requestsPerSec"],
        **{f"{name.replace('.', '_')}_ms": percentiles[name] * 1000 for name in ("p50", "p90", "p99", "p99.9")},
    }


def fill(server, cores, body, count, start):
    """Keys up to `count`, one after the other, from `start` on, as many as can be asked for in a while."""
    seconds = max(1, count // 50_000)
    command = pinned(cores, programs.find("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s")
    output([*command, "-s", str(SCRIPTS / "keys.lua"), server.url("/"), "--", str(body), str(count), str(start)])


def watched(server, origin, command, read):
    """Runs a client, and adds to what it tells the server's CPU time, and how busy others kept the machine."""
    busy, started = machine.busy_seconds(), time.monotonic()
    server_before, origin_before = server.cpu(), origin.cpu()
    client_before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = output(command)
    server_after, origin_after = server.cpu(), origin.cpu()
    client_after = resource.getrusage(resource.RUSAGE_CHILDREN)
    elapsed, busy = time.monotonic() - started, machine.busy_seconds() - busy

    result = read(told)
    user, system = (after - before for before, after in zip(server_before, server_after))
    client = client_after.ru_utime + client_after.ru_stime - client_before.ru_utime - client_before.ru_stime
    known = user + system + sum(origin_after) - sum(origin_before) + client
    requests = max(result["requests"], 1)
    return result | {
        "user_us": user / requests * 1e6,
        "system_us": system / requests * 1e6,
        "cpu_us": (user + system) / requests * 1e6,
        "server_busy": (user + system) / elapsed,
        "others_busy": max(0.0, (busy - known) / elapsed),
    }


def burst(program, server, cores, path, clients):
    """One request from each of so many connections, all at the same moment."""
    return json.loads(output(pinned(cores, program, f"127.0.0.1:{server.port}", path, clients)))


def oha(server, cores, path, clients):
    """The same with oha, which counts from before each connection is made, and makes one after the other."""
    command = pinned(cores, programs.oha(), "-n", clients, "-c", clients, "--no-tui", "--output-format", "json")
    told = json.loads(output([*command, server.url(path)]))
    percentiles = told["latencyPercentiles"]
    return {
        "clients": clients,
        "failed": clients - told["statusCodeDistribution"].get("200", 0),
        "p50_ms": percentiles["p50"] * 1000,
        "p99_ms": percentiles["p99"] * 1000,
        "max_ms": told["summary"]["slowest"] * 1000,
    }


def pinned(cores, *command):
    return [programs.find("taskset"), "-c", cores, *map(str, command)]


def output(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench/run: {' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout
