"""What a fleet consists of: replicas of Forebay, their Redis, and the origin behind them, each a process on a free port."""

import asyncio
import http.client
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

HOST = "127.0.0.1"
# What all requests are for.
AUTHORITY = "app.test"
BODY = (b"All work and no play makes the origin a dull server.\n" * 200)[:10240]


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def until(what, condition, within=30.0, pause=0.01):
    """Waits for the condition; how long it took, in seconds."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > within:
            raise SystemExit(f"bench/faults: never: {what}")
        time.sleep(pause)
    return time.monotonic() - started


class Origin:
    """Gives 10 KiB to be stored for a day, with an entity tag that it knows again, and counts what each path was asked."""

    def __init__(self):
        self.port = free_port()
        self.process = multiprocessing.Process(target=serve, args=(self.port,), daemon=True)
        self.process.start()
        until("the origin listens", lambda: answers(self.port))

    def seen(self):
        """How many requests for each path there have been."""
        return json.loads(get(self.port, "/seen")[1])

    def stop(self):
        self.process.kill()
        self.process.join()


class Answering(asyncio.Protocol):
    seen = {}

    def connection_made(self, transport):
        self.transport, self.unread = transport, b""

    def data_received(self, data):
        *heads, self.unread = (self.unread + data).split(b"\r\n\r\n")
        for head in heads:
            path = head.split(b" ", 2)[1].decode()
            if path == "/seen":
                self.answer(b"200 OK", b"Cache-Control: no-store\r\n", json.dumps(self.seen).encode())
                continue
            self.seen[path] = self.seen.get(path, 0) + 1
            if b'"always"' in head:
                self.transport.write(b'HTTP/1.1 304 Not Modified\r\nETag: "always"\r\nCache-Control: max-age=86400\r\n\r\n')
            else:
                self.answer(b"200 OK", b'ETag: "always"\r\nCache-Control: max-age=86400\r\n', BODY)

    def answer(self, status, fields, body):
        self.transport.write(b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, fields, len(body), body))


def serve(port):
    async def listen():
        server = await asyncio.get_running_loop().create_server(Answering, HOST, port)
        await server.serve_forever()

    asyncio.run(listen())


class Redis:
    """One that keeps nothing."""

    def __init__(self, *arguments):
        self.port, self.arguments, self.process = free_port(), arguments, None
        self.start()

    def start(self):
        """Empty, at the same port."""
        command = ["redis-server", "--port", str(self.port), "--bind", HOST, "--save", "", *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("Redis answers", lambda: answers(self.port) and self.ask("PING") == "+PONG")

    def ask(self, *command, password=None):
        """One command; the first line of the answer."""
        with socket.create_connection((HOST, self.port), 10) as connection, connection.makefile("rb") as reader:
            if password:
                connection.sendall(spoken("AUTH", password))
                reader.readline()
            connection.sendall(spoken(*command))
            return reader.readline().decode().strip()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)


def spoken(*command):
    parts = [part.encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Replica:
    """A Forebay with its admin listener; `config` is the rest of its file."""

    def __init__(self, program, origin, config):
        self.port, self.admin = free_port(), free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="forebay-fleet-"))
        file = self.directory / "config.toml"
        file.write_text(
            f'[server]\nlisten = ["{HOST}:{self.port}"]\n[admin]\nlisten = "{HOST}:{self.admin}"\n'
            f'[log]\naccess = "off"\n[upstream]\nservers = ["http://{HOST}:{origin.port}"]\n{config}'
        )
        self.log = (self.directory / "log").open("wb")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOREBAY_")}
        command = [program, "--config", file]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)
        until("Forebay listens", lambda: self.process.poll() is not None or answers(self.port))
        if self.process.poll() is not None:
            raise SystemExit((self.directory / "log").read_text())

    def get(self, path):
        """Status, body and Cache-Status."""
        return get(self.port, path)

    def redis(self):
        """`healthy` or `unavailable`."""
        return json.loads(get(self.admin, "/readyz", f"{HOST}:{self.admin}")[1]).get("redis")

    def memory(self):
        """What it has resident, in KiB."""
        return int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1])

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def answers(port):
    try:
        socket.create_connection((HOST, port), 0.5).close()
    except OSError:
        return False
    return True


def get(port, path, authority=AUTHORITY):
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": authority})
        response = connection.getresponse()
        return response.status, response.read(), response.headers.get("Cache-Status", "")
    finally:
        connection.close()
