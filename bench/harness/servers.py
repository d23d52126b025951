"""What is measured: the origin, Forebay, its peers, and the ceilings, each on the cores it is given."""

import http.client
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import machine, programs

PEERS = programs.BENCH / "peers"
HOST = "127.0.0.1"
ORIGIN = 7100
ROUTES = 50


@dataclass
class Server:
    """A server that listens on `port`, with its working directory below `root`."""

    name: str
    port: int
    command: list = field(default_factory=list)
    process: subprocess.Popen | None = None

    def start(self, cores, directory):
        """Runs it on these cores until it accepts connections."""
        if connects(self.port):
            raise SystemExit(f"bench/run: port {self.port}, which {self.name} needs, is taken")
        directory.mkdir(parents=True, exist_ok=True)
        # nginx's worker may be another user.
        directory.chmod(0o777)
        log = (directory / "output").open("wb")
        command = [programs.find("taskset"), "-c", cores, *map(str, self.command)]
        self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 15
        while not connects(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (directory / "output").read_text(errors="replace")[-2000:]
                raise SystemExit(f"bench/run: {self.name} does not start:\n{said}")
            time.sleep(0.05)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def url(self, path):
        return f"http://{HOST}:{self.port}{path}"

    def get(self, path, fields=None):
        """One request: its status, fields and body."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            # No field but those that wrk sends too.
            connection.putrequest("GET", path, skip_accept_encoding=True)
            for name, value in (fields or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def cpu(self):
        """User and system time so far."""
        return machine.cpu_seconds(self.process.pid) if self.process else (0.0, 0.0)


def connects(port):
    try:
        socket.create_connection((HOST, port), 0.5).close()
    except OSError:
        return False
    return True


class Origin(Server):
    """What all proxies stand in front of."""

    def __init__(self, program):
        super().__init__("straight", ORIGIN, [program, f"{HOST}:{ORIGIN}"])

    def seen(self, path):
        """How many requests for that path have come to it."""
        return int(self.get(f"/seen{path}")[2])


def forebay(program, root, port=7101, routes=ROUTES, threads=1, capacity="1GiB", access="off", extra=""):
    """With as many routes as a middling app has. The admin listener has the port above, and the first one's ten above."""
    config = root / f"forebay-{port}.toml"
    text = (PEERS / "forebay.toml").read_text().format(
        port=port, admin_port=admin_port(port), threads=threads, capacity=capacity, access=access
    )
    for number in range(routes - text.count("[[route]]")):
        text += f'\n[[route]]\npath = "/api/v1/things-{number}/{{id}}"\nttl = "1m"\n'
    config.write_text(text + extra)
    return Server("Forebay", port, [program, "--config", config])


def admin_port(port):
    return port + 10 if port == 7101 else port + 1


def nginx(root):
    prefix = root / "nginx"
    return Server("nginx", 7102, [programs.find("nginx"), "-p", f"{prefix}/", "-c", PEERS / "nginx.conf", "-e", "error.log"])


def varnish(root):
    settings = ["-p", "listen_depth=4096"]
    command = [programs.find("varnishd"), "-F", "-j", "none", "-n", root / "varnish" / "state", "-s", "malloc,1g"]
    return Server("Varnish", 7103, [*command, "-a", f"{HOST}:7103", "-f", PEERS / "varnish.vcl", *settings])


def haproxy():
    return Server("HAProxy", 7104, [programs.find("haproxy"), "-db", "-f", PEERS / "haproxy.cfg"])


def ceilings(tools, like, paths):
    """An epoll loop and hyper's server, with the responses that `like` gives for these paths."""
    for port, tool, name in ((7105, "bare", "bare hyper"), (7106, "epoll", "epoll loop")):
        yield Server(name, port, [tools[tool], f"{HOST}:{port}", f"{HOST}:{like.port}", *paths])
