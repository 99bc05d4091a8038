"""grpclib as interop.py uses its clients."""
import asyncio
import ssl

from grpclib.client import Channel, StreamStreamMethod, StreamUnaryMethod, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.const import Status
from grpclib.exceptions import GRPCError, ProtocolError

KINDS = {
    (False, False): UnaryUnaryMethod,
    (False, True): UnaryStreamMethod,
    (True, False): StreamUnaryMethod,
    (True, True): StreamStreamMethod,
}


class Client:
    def __init__(self, address, metadata, certificate=None):
        self.metadata = metadata
        host, port = address.rsplit(":", 1)
        trusted = None
        if certificate is not None:
            trusted = ssl.create_default_context(cafile=certificate)
            trusted.set_alpn_protocols(["h2"])
        self.channel = Channel(host, int(port), ssl=trusted)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_raised):
        self.channel.close()

    def call(self, path, asked, answer, client_streams, server_streams, metadata=None, timeout=None):
        method = KINDS[client_streams, server_streams](self.channel, path, asked, answer)
        stream = method.open(timeout=timeout, metadata={**self.metadata, **(metadata or {})})
        return Call(stream, client_streams)


class Call:
    def __init__(self, stream, client_streams):
        self.stream, self.client_streams = stream, client_streams
        self.is_begun, self.known = False, None

    async def __aenter__(self):
        await self.stream.__aenter__()
        return self

    async def __aexit__(self, *_raised):
        try:
            await self.stream.__aexit__(None, None, None)
        except (GRPCError, ProtocolError, asyncio.TimeoutError):
            # Its status was asked for before.
            pass

    async def begin(self):
        await self.stream.send_request()
        self.is_begun = True

    async def send(self, message):
        self.is_begun = True
        try:
            await self.stream.send_message(message, end=not self.client_streams)
        except asyncio.TimeoutError:
            self.known = Status.DEADLINE_EXCEEDED.value, None

    async def end(self):
        if not self.is_begun:
            await self.stream.send_request(end=True)
        elif self.client_streams:
            await self.stream.end()

    async def receive(self):
        """The next answer; None after the last."""
        return await self.stream.recv_message()

    async def cancel(self):
        await self.stream.cancel()
        # It asks for no status of what it gave up; whether the server heard of it is counted there.
        self.known = Status.CANCELLED.value, None

    async def status(self):
        if self.known is None:
            self.known = await self.told()
        return self.known

    async def told(self):
        """It has exceptions in the place of codes that it finds by itself."""
        try:
            if self.stream.initial_metadata is None:
                await self.stream.recv_initial_metadata()
            await self.stream.recv_trailing_metadata()
        except GRPCError as error:
            return error.status.value, error.message
        except asyncio.TimeoutError:
            return Status.DEADLINE_EXCEEDED.value, None
        return Status.OK.value, None

    async def initial(self):
        return self.stream.initial_metadata

    async def trailing(self):
        return self.stream.trailing_metadata
