"""The programs that a run needs: which are missing, how they are installed and built."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
WORK = BENCH / "work"
OHA = "1.16.0"

# A command, and the Debian package that it comes in.
PACKAGES = {
    "wrk": "wrk",
    "nginx": "nginx",
    "varnishd": "varnish",
    "haproxy": "haproxy",
    "redis-server": "redis-server",
    "taskset": "util-linux",
}
# Debian starts these once they are installed.
DAEMONS = ("nginx", "varnish", "haproxy", "redis-server")


def say(line):
    print(line, file=sys.stderr, flush=True)


def find(name):
    """Where a program is; daemons live where only root's PATH leads."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    return shutil.which(name, path=path)


def install():
    """Installs what is missing, after it said so."""
    packages = sorted({package for name, package in PACKAGES.items() if not find(name)})
    if packages:
        if not find("apt-get"):
            raise SystemExit(f"bench/run: needs {', '.join(packages)}; install them with your package manager")
        say(f"bench/run: will install with apt-get: {' '.join(packages)}")
        root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*root, "apt-get", "update", "--quiet"], check=True)
        command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends"]
        subprocess.run([*root, *command, *packages], check=True)
        for daemon in set(packages).intersection(DAEMONS):
            stop_daemon(root, daemon)
    if not oha().exists():
        say(f"bench/run: will install from crates.io into {WORK / 'oha'}: oha {OHA}")
        command = ["cargo", "install", "oha", "--locked", "--version", OHA, "--root", str(WORK / "oha")]
        subprocess.run([*command, "--target-dir", str(WORK / "target-oha")], check=True)
        shutil.rmtree(WORK / "target-oha")


def stop_daemon(root, name):
    """Debian's own instance would only take time from what is measured."""
    if Path("/run/systemd/system").exists():
        subprocess.run([*root, "systemctl", "disable", "--now", name], check=False)
    else:
        subprocess.run([*root, "service", name, "stop"], check=False, stdout=subprocess.DEVNULL)


def oha():
    """An oha that is there already, or else the one that this installs."""
    return Path(find("oha") or WORK / "oha" / "bin" / "oha")


def build(package):
    """Builds the package in that directory as it is released; its programs by name, copied to where nothing changes them."""
    command = ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics"]
    if "CARGO_TARGET_DIR" not in os.environ:
        command += ["--target-dir", str(WORK / "target")]
    built = subprocess.run(command, cwd=package, stdout=subprocess.PIPE, text=True, check=True)
    programs = {}
    (WORK / "bin").mkdir(parents=True, exist_ok=True)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            name = message["target"]["name"]
            programs[name] = WORK / "bin" / name
            # Not in place: an older copy may be running.
            programs[name].unlink(missing_ok=True)
            shutil.copy2(message["executable"], programs[name])
    return programs


def commit():
    """The commit that is measured, and whether it is only that."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=BENCH, capture_output=True, text=True, check=False).stdout.strip()
    changed = git("status", "--porcelain", "--", "..", ":!.")
    return git("rev-parse", "HEAD") + (" with changes" if changed else "")
