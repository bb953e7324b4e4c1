# SPDX-License-Identifier: MIT
"""slow_lines.py -- members that reach each other over lines of a bounded speed: one to each, shared by all who talk to it.

    member --TCP--> Line, so many bytes a second, in turn --TCP--> member

Each connection gets its turn after a piece of another one, as on a router that is fair, and next to nothing waits on the way: what is
too much waits at the sender.
"""
import asyncio
import socket
import threading

PIECE_BYTES = 8192
LATE_S = 0.2  # what wakes so late on a busy machine is made up for: the line is as fast as it says


class Line:
    """Listens on one port and forwards to another."""

    def __init__(self, port, to_port, bytes_per_second):
        self.port = port
        self.to_port = to_port
        self.bytes_per_second = bytes_per_second
        self.turn = asyncio.Lock()
        self.free_at = 0.0  # by the loop's clock: when what it has taken has left

    async def open(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * PIECE_BYTES)
        listener.bind(("127.0.0.1", self.port))
        await asyncio.start_server(self.carry, sock=listener, limit=PIECE_BYTES)

    async def carry(self, reader, writer):
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            writer.close()
            return
        await asyncio.wait({asyncio.create_task(self.pour(reader, forth, True)), asyncio.create_task(self.pour(back, writer, False))})

    async def pour(self, reader, writer, is_slow):
        try:
            while piece := await reader.read(PIECE_BYTES):
                if is_slow:
                    async with self.turn:
                        loop, has_left = asyncio.get_running_loop(), asyncio.Event()
                        self.free_at = max(self.free_at, loop.time() - LATE_S) + len(piece) / self.bytes_per_second
                        loop.call_at(self.free_at, has_left.set)
                        await has_left.wait()
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class Lines:
    def __init__(self, ports, bytes_per_second):
        """ports: where to listen, and where to forward to, of each."""
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.run(self.open_all(ports, bytes_per_second))

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    async def open_all(self, ports, bytes_per_second):
        for port, to_port in ports:
            await Line(port, to_port, bytes_per_second).open()

    def close(self):
        async def cancel():
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.run(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)
