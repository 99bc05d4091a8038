"""grpcio as interop.py uses its clients."""
import grpc

# What it says of a call that ended while it wrote, in place of the call's status, about once in 400 times; with its own server as well.
OWN_FAULT = "Internal error from Core"


class OwnFault(Exception):
    """The client cannot tell how the call ended."""


class Client:
    def __init__(self, address, metadata, certificate=None):
        self.metadata = metadata
        if certificate is None:
            self.channel = grpc.aio.insecure_channel(address)
        else:
            with open(certificate, "rb") as file:
                trusted = grpc.ssl_channel_credentials(file.read())
            self.channel = grpc.aio.secure_channel(address, trusted)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_raised):
        await self.channel.close()

    def call(self, path, asked, answer, client_streams, server_streams, metadata=None, timeout=None):
        kind = f"{'stream' if client_streams else 'unary'}_{'stream' if server_streams else 'unary'}"
        make = getattr(self.channel, kind)(path, asked.SerializeToString, answer.FromString)
        options = {"metadata": [*self.metadata.items(), *(metadata or {}).items()], "timeout": timeout}
        return Call(make, options, client_streams, server_streams)


class Call:
    def __init__(self, make, options, client_streams, server_streams):
        self.make, self.options = make, options
        self.client_streams, self.server_streams = client_streams, server_streams
        self.is_answered = False

    async def __aenter__(self):
        # A request that is no stream begins its call.
        self.call = self.make(**self.options) if self.client_streams else None
        return self

    async def __aexit__(self, *_raised):
        if self.call is not None:
            self.call.cancel()

    async def begin(self):
        await self.call.wait_for_connection()

    async def send(self, message):
        if not self.client_streams:
            self.call = self.make(message, **self.options)
            return
        try:
            await self.call.write(message)
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, grpc.aio.InternalError):
            # The call is over already; its status tells why.
            await self.call.code()

    async def end(self):
        if self.client_streams:
            await self.call.done_writing()

    async def receive(self):
        """The next answer; None after the last."""
        if self.server_streams:
            message = await self.call.read()
            return None if message is grpc.aio.EOF else message
        if self.is_answered:
            return None
        self.is_answered = True
        return await self.call

    async def cancel(self):
        self.call.cancel()

    async def status(self):
        status = (await self.call.code()).value[0], await self.call.details()
        if status == (grpc.StatusCode.INTERNAL.value[0], OWN_FAULT):
            raise OwnFault
        return status

    async def initial(self):
        return dict(await self.call.initial_metadata())

    async def trailing(self):
        return dict(await self.call.trailing_metadata())
