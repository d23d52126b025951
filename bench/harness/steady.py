"""Steady load from a process of its own: what is measured must not wait for what measures it."""

import asyncio
import multiprocessing
import time
from dataclasses import dataclass

from harness.fleet import AUTHORITY, HOST


@dataclass
class Asked:
    """One request: what it was for, when it was due (so that what waits behind a slow answer counts as waiting), how long
    its answer took from then, in seconds, and whether it was whole and 200."""

    kind: str
    due: float
    took: float
    good: bool


class Load:
    """`kinds` maps a name to its rate and to what makes a path of a number; replicas take turns."""

    def __init__(self, replicas, kinds, connections=4):
        self.stop_sign, self.started = multiprocessing.Event(), multiprocessing.Event()
        self.results = multiprocessing.SimpleQueue()
        arguments = ([replica.port for replica in replicas], kinds, connections)
        self.process = multiprocessing.Process(target=self._run, args=arguments, daemon=True)
        self.process.start()
        self.started.wait(10)

    def stop(self):
        """Ends it; what became of every request."""
        self.stop_sign.set()
        asked = [Asked(*one) for one in self.results.get()]
        self.process.join()
        return asked

    def _run(self, ports, kinds, connections):
        self.results.put(asyncio.run(self._ask(ports, kinds, connections)))

    async def _ask(self, ports, kinds, connections):
        asked, begin = [], time.monotonic() + 0.1
        tasks = [
            self._connection(ports[place % len(ports)], kind, path, rate / count, begin + place / rate, place, count, asked)
            for kind, (rate, path) in kinds.items()
            for count in [connections * len(ports)]
            for place in range(count)
        ]
        self.started.set()
        await asyncio.gather(*tasks)
        return asked

    async def _connection(self, port, kind, path, rate, due, number, step, asked):
        reader = writer = None
        while not self.stop_sign.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(f"GET {path(number)} HTTP/1.1\r\nHost: {AUTHORITY}\r\n\r\n".encode())
                good = await asyncio.wait_for(answer(reader), 30)
            except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                good, writer = False, None
            asked.append((kind, due, time.monotonic() - due, good))
            number, due = number + step, due + 1 / rate


async def answer(reader):
    """Reads a response; whether it is whole and 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, length = head.partition(b"content-length:")
    if length:
        await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
    elif b"transfer-encoding: chunked" in head:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    return head.startswith(b"http/1.1 200")
