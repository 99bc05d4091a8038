// What every client does here: find the spot, book it, see that nobody else gets it, watch, cancel.
// A client is { unary(method, request), stream(method, request, signal) } with messages of protobuf-es;
// the messages come from the descriptors that the contracts are built with, so nothing is generated.

import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { create, createFileRegistry, enumFromJson, fromBinary, fromJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const BOOKING = "parkmesh.booking.v1.BookingService";
const AVAILABILITY = "parkmesh.availability.v1.AvailabilityService";
/** Longest that the whole takes, in milliseconds. */
const WHOLE_MAX_MS = 60_000;
/** Names of gRPC's codes, by number. */
const CODES = "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED".split(" ");

/** Reads the command line; ends the process with a word of help when it is not complete. */
export function options(script) {
  const [gateway, token, descriptors, lot, spot, start, end] = process.argv.slice(2);
  if (end === undefined) {
    console.error(`usage: node ${script} <gateway URL> <token> <descriptor set file> <lot_id> <spot_number> <start ISO time> <end ISO time>`);
    process.exit(2);
  }
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(descriptors));
  return { gateway, token, registry: createFileRegistry(set), lot, spot, start, end };
}

/** A method's description, by name. */
function methods(registry, service) {
  const found = registry.getService(service);
  if (found === undefined) throw new Error(`${service} is not in the descriptors`);
  return (name) => found.methods.find((method) => method.name === name);
}

/** Runs the journey and prints one line of JSON; the process ends with it. */
export async function run(client, options) {
  const whole = setTimeout(() => fail(new Error(`not done in ${WHOLE_MAX_MS} ms`)), WHOLE_MAX_MS);
  try {
    console.log(JSON.stringify(await journey(client, options)));
  } catch (error) {
    fail(error);
  }
  clearTimeout(whole);
  process.exit(0);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

async function journey(client, { registry, lot, spot: number, start, end }) {
  const booking = methods(registry, BOOKING);
  const availability = methods(registry, AVAILABILITY);
  const ask = (method, json) => client.unary(method, fromJson(method.input, json, { registry }));

  const map = await ask(availability("ListSpotStates"), { lotId: lot, pageSize: 5000 });
  const spot = map.spots.find((one) => one.spotNumber === number);
  if (spot === undefined) throw new Error(`no spot ${number} among ${map.spots.length}`);
  const wish = () => ({
    requestId: randomUUID(),
    spot: { spotId: spot.spotId, spotVersion: String(spot.spotVersion) },
    window: { startTime: start, endTime: end },
    paymentMethod: "pm_card_ok",
  });
  const booked = (await ask(booking("CreateBooking"), wish())).booking;

  const second = await ask(booking("CreateBooking"), wish()).then(() => null, (error) => error);

  const abort = new AbortController();
  const watch = booking("WatchBooking");
  const changes = client.stream(watch, create(watch.input, { bookingId: booked.bookingId }), abort.signal);
  const cancelledState = enumFromJson(registry.getEnum("parkmesh.booking.v1.BookingState"), "BOOKING_STATE_CANCELLED");
  const watched = [];
  let cancelled;
  for await (const change of changes) {
    if (change.booking === undefined) continue;
    watched.push(change.booking.state);
    if (change.booking.state === cancelledState) break;
    const cancel = { requestId: randomUUID(), bookingId: booked.bookingId };
    // Only after the first state was seen: then the change must come over the open stream.
    cancelled ??= (await ask(booking("CancelBooking"), cancel)).booking;
  }
  abort.abort();
  return {
    booked: booked.state,
    second: second && CODES[second.code],
    secondHasDetails: second?.hasDetails ?? false,
    cancelled: cancelled?.state,
    watched,
  };
}
