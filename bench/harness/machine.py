"""The machine and the versions that a run was made with, and how busy others kept it."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def describe(programs):
    """What a reader must know to judge the figures. `programs` maps a name to the command that tells its version."""
    cpus = re.findall(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    release = platform.freedesktop_os_release()
    return {
        "cpu": cpus[0] if cpus else platform.machine(),
        "cores": len(cpus) or os.cpu_count(),
        "hypervisor": bool(re.search(r"^flags.*\bhypervisor\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)),
        "memory_gib": round(int(memory[1]) / 1024**2) if memory else None,
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", ""),
        "versions": {name: first_line(command) for name, command in programs.items()},
    }


def slug(machine):
    """A name for the machine that can stand in a path."""
    words = re.sub(r"\(.*?\)|CPU|Processor|@.*", " ", machine["cpu"]).lower()
    return f"{re.sub(r'[^a-z0-9]+', '-', words).strip('-')}-{machine['cores']}-cores"


def first_line(command):
    """Varnish and nginx tell their versions on standard error."""
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (told.stdout + told.stderr).strip().splitlines()
    return lines[0].strip() if lines else "?"


def busy_seconds():
    """The time that all cores spent on processes since the machine started."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / TICK


def busy_cores(seconds=2.0):
    """How many cores others keep busy, measured for a while."""
    before = busy_seconds()
    time.sleep(seconds)
    return (busy_seconds() - before) / seconds


def cpu_seconds(pid):
    """User and system time of a process and of all below it that live."""
    children = {}
    times = {}
    for number in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            # It has ended meanwhile.
            continue
        children.setdefault(int(fields[1]), []).append(number)
        times[number] = (int(fields[11]), int(fields[12]))
    user = system = 0
    waiting = [pid]
    while waiting:
        number = waiting.pop()
        waiting += children.get(number, [])
        own = times.get(number, (0, 0))
        user, system = user + own[0], system + own[1]
    return user / TICK, system / TICK


def resident_bytes(pid):
    """The memory that a process has touched and not given back."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
