"""The clients: wrk for steady load, our own burst, and oha for what a user of oha sees."""

import json
import resource
import subprocess
import time
from pathlib import Path

from harness import machine, programs

REPORT = programs.BENCH / "wrk" / "report.lua"
CONNECTIONS = 64


def wrk(server, origin, cores, path, fields, seconds):
    """Steady load from one thread. CPU times are those of the server, per request."""
    command = pinned(cores, programs.find("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s")
    for name, value in fields.items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(REPORT), server.url(path)]

    busy, started = machine.busy_seconds(), time.monotonic()
    server_before, origin_before = server.cpu(), origin.cpu()
    client_before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = output(command)
    server_after, origin_after = server.cpu(), origin.cpu()
    client_after = resource.getrusage(resource.RUSAGE_CHILDREN)
    elapsed, busy = time.monotonic() - started, machine.busy_seconds() - busy

    result = json.loads(told.rpartition("JSON ")[2])
    user, system = (after - before for before, after in zip(server_before, server_after))
    client = client_after.ru_utime + client_after.ru_stime - client_before.ru_utime - client_before.ru_stime
    known = user + system + sum(origin_after) - sum(origin_before) + client
    requests = max(result["requests"], 1)
    result |= {
        "requests_per_second": result["requests"] / result["seconds"],
        "bytes_per_request": result["bytes"] / requests,
        "user_us": user / requests * 1e6,
        "system_us": system / requests * 1e6,
        "cpu_us": (user + system) / requests * 1e6,
        "server_busy": (user + system) / elapsed,
        "others_busy": max(0.0, (busy - known) / elapsed),
    }
    return result


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
