"""An origin whose responses tell their version, and clients that ask at a steady rate and look at it."""

import asyncio
import multiprocessing
import random
import socket
import time

GROUPS = 100
CONNECTIONS = 16
HOST = "127.0.0.1"


def tag(group):
    return f"group-{group}"


def connects(port):
    try:
        socket.create_connection((HOST, port), 0.5).close()
    except OSError:
        return False
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class World:
    """What all processes of a run share: how many responses there are, and which version is the least to be served."""

    def __init__(self, stored):
        self.stored = stored
        self.version = multiprocessing.Value("Q", 1)
        self.least = multiprocessing.Array("Q", [1] * GROUPS, lock=False)
        self.origin_port = free_port()
        self.processes = []

    def start_origin(self):
        self.run(serve_origin, self.origin_port, self.version)
        while not connects(self.origin_port):
            time.sleep(0.02)

    def run(self, target, *arguments):
        process = multiprocessing.Process(target=target, args=arguments, daemon=True)
        process.start()
        self.processes.append(process)
        return process

    def fill(self, ports):
        """Has every replica store everything."""
        for filling in [self.run(run_fill, port, self.stored) for port in ports]:
            filling.join()
            if filling.exitcode != 0:
                raise SystemExit("bench/fleet: not all could be stored")

    def change(self):
        """What the origin says from now on is of the version returned."""
        with self.version.get_lock():
            self.version.value += 1
            return self.version.value

    def expect(self, group, version):
        """From now on nobody is to get less of this group."""
        self.least[group] = version

    def start_load(self, ports, rate):
        return Load(self, ports, rate)

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.join()


class Load:
    """A process of clients for each replica."""

    def __init__(self, world, ports, rate):
        self.ending = multiprocessing.Event()
        self.told = multiprocessing.Queue()
        self.began = time.monotonic()
        self.seconds = 0.0
        self.clients = len(ports)
        for port in ports:
            world.run(run_load, port, rate / len(ports), world.stored, world.least, self.ending, self.told)

    def stop(self):
        """Requests, failures, outdated responses, and latencies in milliseconds."""
        self.seconds = time.monotonic() - self.began
        self.ending.set()
        told = [self.told.get(timeout=30) for _ in range(self.clients)]
        requests, failed, outdated = (sum(counts) for counts in list(zip(*told))[:3])
        return requests, failed, outdated, [latency for *_, latencies in told for latency in latencies]


def serve_origin(port, version):
    async def converse(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = int(head.split(b" ", 2)[1].rpartition(b"/")[2] or b"0")
                body = b"%d\n" % version.value + b"x" * 1000
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: public, max-age=86400\r\n"
                    b"Surrogate-Key: group-%d\r\n\r\n%b" % (len(body), number % GROUPS, body)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve():
        async with await asyncio.start_server(converse, HOST, port, backlog=1024) as server:
            await server.serve_forever()

    asyncio.run(serve())


class Client:
    """One connection."""

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection(HOST, port)
        return self

    async def get(self, number):
        """The status and the version of a response."""
        self.writer.write(b"GET /things/%d HTTP/1.1\r\nHost: bench\r\n\r\n" % number)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await self.reader.readexactly(int(length))
        status = int(head[9:12])
        return status, int(body.partition(b"\n")[0]) if status == 200 else 0


def run_fill(port, stored):
    async def one(first):
        client = await Client().open(port)
        for number in range(first, stored, CONNECTIONS):
            status, _ = await client.get(number)
            assert status == 200, status

    async def every():
        await asyncio.gather(*(one(first) for first in range(CONNECTIONS)))

    asyncio.run(every())


def run_load(port, rate, stored, least, ending, told):
    """Requests come when they are due, whether or not those before them were answered in time."""
    counts, latencies = [0, 0, 0], []

    async def one(place):
        client = await Client().open(port)
        pause = CONNECTIONS / rate
        due = time.monotonic() + pause * place / CONNECTIONS
        while not ending.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number = random.randrange(stored)
            known = least[number % GROUPS]
            try:
                status, version = await client.get(number)
            except (OSError, asyncio.IncompleteReadError):
                status, version = 0, 0
                client = await Client().open(port)
            counts[0] += 1
            counts[1] += status != 200
            counts[2] += status == 200 and version < known
            latencies.append((time.monotonic() - due) * 1000)
            due += pause

    async def every():
        await asyncio.gather(*(one(place) for place in range(CONNECTIONS)))

    asyncio.run(every())
    told.put((*counts, latencies))
