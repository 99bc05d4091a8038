"""A stock gRPC client that knows nothing of Parkmesh's code: it asks the server what it offers (reflection), then books, watches and cancels.

usage: stock_grpc.py <inventory+booking address> <availability address> <token> <lot_id> <spot_number> <start ISO time> <end ISO time>
Prints one line of JSON. At the gateway both addresses are the same.
"""
import json
import sys
import uuid

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


class Stock:
    """Calls methods by name with dictionaries."""

    def __init__(self, address, token):
        self.channel = grpc.insecure_channel(address)
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))
        self.metadata = [("authorization", f"Bearer {token}")]

    def services(self):
        return sorted(ProtoReflectionDescriptorDatabase(self.channel).get_services())

    def call(self, service, method, **fields):
        descriptor = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = json_format.ParseDict(fields, message_factory.GetMessageClass(descriptor.input_type)())
        answer = message_factory.GetMessageClass(descriptor.output_type)
        path = f"/{service}/{method}"
        encode = lambda message: message.SerializeToString()
        if descriptor.server_streaming:
            call = self.channel.unary_stream(path, encode, answer.FromString)
            return call(request, metadata=self.metadata, timeout=30)
        call = self.channel.unary_unary(path, encode, answer.FromString)
        return call(request, metadata=self.metadata, timeout=30)


def main():
    booking_at, availability_at, token, lot, number, start, end = sys.argv[1:]
    booking, availability = Stock(booking_at, token), Stock(availability_at, token)
    spots = availability.call("parkmesh.availability.v1.AvailabilityService", "ListSpotStates", lotId=lot, pageSize=5000).spots
    spot = next(spot for spot in spots if spot.spot_number == number)
    name = "parkmesh.booking.v1.BookingService"
    wish = {
        "requestId": str(uuid.uuid4()),
        "spot": {"spotId": spot.spot_id, "spotVersion": spot.spot_version},
        "window": {"startTime": start, "endTime": end},
        "paymentMethod": "pm_card_ok",
    }
    booked = booking.call(name, "CreateBooking", **wish).booking
    watch = booking.call(name, "WatchBooking", bookingId=booked.booking_id)
    states = [next(watch).booking.state]
    try:
        booking.call(name, "CreateBooking", **{**wish, "requestId": str(uuid.uuid4())})
        taken = None
    except grpc.RpcError as error:
        taken = error.code().name
    cancelled = booking.call(name, "CancelBooking", requestId=str(uuid.uuid4()), bookingId=booked.booking_id).booking
    for change in watch:
        if change.HasField("booking"):
            states.append(change.booking.state)
        if states[-1] == cancelled.state:
            break
    watch.cancel()
    print(json.dumps({
        "services": booking.services(),
        "booked": booked.state, "second": taken, "cancelled": cancelled.state, "watched": states,
    }))


main()
