"""The interop procedures of gRPC, as grpc/grpc's doc/interop-test-descriptions.md has them, by one of Python's stock clients.

usage: interop.py grpcio|grpclib <host:port> <token> <interop.proto> [certificate file]
Prints one line of JSON: a list of {procedure, wrong}, where `wrong` is missing if all is well.
"""
import asyncio
import json
import os
import sys

import grpc

import interop_grpcio
import interop_grpclib

SERVICE = "grpc.testing.TestService"
# Longest that a procedure takes, in seconds.
PROCEDURE_MAX_S = 20
UNKNOWN, CANCELLED, DEADLINE_EXCEEDED, UNIMPLEMENTED = 2, 1, 4, 12


class Procedures:
    """Each is a method; it raises when something else came of it than should."""

    def __init__(self, client, messages):
        self.client, self.messages = client, messages

    def call(self, method, asked, answer, **options):
        streams = {"StreamingInputCall": (True, False), "StreamingOutputCall": (False, True), "FullDuplexCall": (True, True)}
        service = options.pop("service", SERVICE)
        kinds = [getattr(self.messages, name) for name in (asked, answer)]
        return self.client.call(f"/{service}/{method}", *kinds, *streams.get(method, (False, False)), **options)

    def unary(self, **options):
        return self.call("UnaryCall", "SimpleRequest", "SimpleResponse", **options)

    def duplex(self, **options):
        return self.call("FullDuplexCall", "StreamingOutputCallRequest", "StreamingOutputCallResponse", **options)

    def payload(self, size):
        return self.messages.Payload(body=bytes(size))

    def large(self):
        return self.messages.SimpleRequest(response_size=314159, payload=self.payload(271828))

    def output(self, size, payload):
        wanted = [self.messages.ResponseParameters(size=size)]
        return self.messages.StreamingOutputCallRequest(response_parameters=wanted, payload=self.payload(payload))

    async def empty_unary(self):
        async with self.call("EmptyCall", "Empty", "Empty") as call:
            await call.send(self.messages.Empty())
            same("answer", await call.receive(), self.messages.Empty())
            await ends(call, 0)

    async def large_unary(self):
        async with self.unary() as call:
            await call.send(self.large())
            same("payload", len((await call.receive()).payload.body), 314159)
            await ends(call, 0)

    async def client_streaming(self):
        async with self.call("StreamingInputCall", "StreamingInputCallRequest", "StreamingInputCallResponse") as call:
            for size in (27182, 8, 1828, 45904):
                await call.send(self.messages.StreamingInputCallRequest(payload=self.payload(size)))
            await call.end()
            same("bytes", (await call.receive()).aggregated_payload_size, 74922)
            await ends(call, 0)

    async def server_streaming(self):
        sizes = [31415, 9, 2653, 58979]
        wanted = [self.messages.ResponseParameters(size=size) for size in sizes]
        async with self.call("StreamingOutputCall", "StreamingOutputCallRequest", "StreamingOutputCallResponse") as call:
            await call.send(self.messages.StreamingOutputCallRequest(response_parameters=wanted))
            same("payloads", await rest(call), sizes)
            await ends(call, 0)

    async def ping_pong(self):
        async with self.duplex() as call:
            for answer, request in [(31415, 27182), (9, 8), (2653, 1828), (58979, 45904)]:
                await call.send(self.output(answer, request))
                same("payload", len((await call.receive()).payload.body), answer)
            await call.end()
            same("payloads beside", await rest(call), [])
            await ends(call, 0)

    async def empty_stream(self):
        async with self.duplex() as call:
            await call.end()
            same("payloads", await rest(call), [])
            await ends(call, 0)

    async def custom_metadata(self):
        initial, trailing = "test_initial_metadata_value", b"\xab\xab\xab"
        metadata = {"x-grpc-test-echo-initial": initial, "x-grpc-test-echo-trailing-bin": trailing}
        for make, request in [(self.unary, self.large()), (self.duplex, self.output(314159, 271828))]:
            async with make(metadata=metadata) as call:
                await call.send(request)
                await call.end()
                same("payload", len((await call.receive()).payload.body), 314159)
                same("payloads beside", await rest(call), [])
                await ends(call, 0)
                same("initial metadata", (await call.initial())["x-grpc-test-echo-initial"], initial)
                same("trailing metadata", (await call.trailing())["x-grpc-test-echo-trailing-bin"], trailing)

    async def status_code_and_message(self):
        status = self.messages.EchoStatus(code=UNKNOWN, message="test status message")
        for make, kind in [(self.unary, "SimpleRequest"), (self.duplex, "StreamingOutputCallRequest")]:
            async with make() as call:
                await call.send(getattr(self.messages, kind)(response_status=status))
                await call.end()
                await ends(call, UNKNOWN, status.message)

    async def special_status_message(self):
        message = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
        status = self.messages.EchoStatus(code=UNKNOWN, message=message)
        async with self.unary() as call:
            await call.send(self.messages.SimpleRequest(response_status=status))
            await ends(call, UNKNOWN, message)

    async def unimplemented_method(self):
        async with self.call("UnimplementedCall", "Empty", "Empty") as call:
            await call.send(self.messages.Empty())
            await ends(call, UNIMPLEMENTED)

    async def unimplemented_service(self):
        async with self.call("UnimplementedCall", "Empty", "Empty", service="grpc.testing.UnimplementedService") as call:
            await call.send(self.messages.Empty())
            await ends(call, UNIMPLEMENTED)

    async def cancel_after_begin(self):
        async with self.call("StreamingInputCall", "StreamingInputCallRequest", "StreamingInputCallResponse") as call:
            await call.begin()
            await call.cancel()
            await ends(call, CANCELLED)
        await self.empty_unary()

    async def cancel_after_first_response(self):
        async with self.duplex() as call:
            await call.send(self.output(31415, 27182))
            same("payload", len((await call.receive()).payload.body), 31415)
            await call.cancel()
            await ends(call, CANCELLED)
        await self.empty_unary()

    async def timeout_on_sleeping_server(self):
        async with self.duplex(timeout=0.001) as call:
            await call.send(self.messages.StreamingOutputCallRequest(payload=self.payload(27182)))
            await ends(call, DEADLINE_EXCEEDED)


def same(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r:.200}, not {wanted!r:.200}")


async def rest(call):
    """The sizes of all answers that are left."""
    sizes = []
    while (answer := await call.receive()) is not None:
        sizes.append(len(answer.payload.body))
    return sizes


async def ends(call, code, message=None):
    found = await call.status()
    same("code", found[0], code)
    if message is not None:
        same("message", found[1], message)


async def told(procedure):
    """Goes through it until the client can tell what came of it."""
    while True:
        try:
            return await procedure()
        except interop_grpcio.OwnFault:
            pass


async def main():
    name, address, token, contract, *certificate = sys.argv[1:]
    sys.path.insert(0, os.path.dirname(contract))
    messages = grpc.protos(os.path.basename(contract))
    make = {"grpcio": interop_grpcio.Client, "grpclib": interop_grpclib.Client}[name]
    outcomes = []
    async with make(address, {"authorization": f"Bearer {token}"}, *certificate) as client:
        procedures = Procedures(client, messages)
        for procedure in [name for name in vars(Procedures) if asyncio.iscoroutinefunction(vars(Procedures)[name])]:
            outcome = {"procedure": procedure}
            try:
                await asyncio.wait_for(told(getattr(procedures, procedure)), PROCEDURE_MAX_S)
            except Exception as error:
                outcome["wrong"] = f"{type(error).__name__}: {error}"
            outcomes.append(outcome)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    asyncio.run(main())
