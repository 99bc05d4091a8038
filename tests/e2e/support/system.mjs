// The running system, as `parkmesh up` tells of it in up.json; and what stories do to it from outside.

import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { publish } from "./mqtt.mjs";

/** A variable of the environment; tests/journeys/app.rs sets them. */
export function variable(name) {
  const value = process.env[name];
  if (value === undefined || value === "")
    throw new Error(`${name} is missing; run cargo xtask test or cargo xtask prove app`);
  return value;
}

const file = variable("PARKMESH_STORIES_UP");
export const up = JSON.parse(readFileSync(file, "utf8"));
const home = dirname(file);
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(variable("PARKMESH_STORIES_DESCRIPTORS"))),
);

/** A client of a service, for example `booking.v1.InventoryService`, with a token of up.json. */
export function client(service, who) {
  const authorized = (next) => (request) => {
    request.header.set("authorization", `Bearer ${up.tokens[who] ?? token(who)}`);
    return next(request);
  };
  const transport = createGrpcWebTransport({
    baseUrl: up.gateway,
    interceptors: [authorized],
  });
  return createClient(registry.getService(`parkmesh.${service}`), transport);
}

/** A message as it goes over the wire, for example of `availability.v1.WatchAvailabilityResponse`. */
export function encode(name, fields) {
  const schema = registry.getMessage(`parkmesh.${name}`);
  return toBinary(schema, create(schema, fields));
}

const issued = new Map();

/** A token of somebody else than those of up.json; the same one for the same name. */
export function token(subject, { role = "driver", like = "driver", seconds = 3600, ...other } = {}) {
  const kept = issued.get(subject);
  if (kept !== undefined) return kept;
  const [header, body] = up.tokens[like].split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  const begin = Math.floor(now() / 1000);
  const own = {
    ...claims,
    ...other,
    sub: subject,
    role,
    iat: begin,
    nbf: begin - 60,
    exp: begin + seconds,
    jti: randomUUID(),
  };
  const signed = `${header}.${Buffer.from(JSON.stringify(own)).toString("base64url")}`;
  const key = issuerKey();
  const made = `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
  if (seconds >= 3600) issued.set(subject, made);
  return made;
}

/** The key of development's issuer. Its file is PKCS #8 with the public key beside, which older OpenSSL does not read. */
function issuerKey() {
  const body = readFileSync(join(home, "keys/issuer.pem"), "utf8").replace(/-----[^-]+-----|\s/g, "");
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  const secret = Buffer.from(body, "base64").subarray(prefix.length, prefix.length + 32);
  return createPrivateKey({
    key: Buffer.concat([prefix, secret]),
    format: "der",
    type: "pkcs8",
  });
}

/** Milliseconds that the clock of all processes is ahead of ours. */
function offset() {
  try {
    return Number(readFileSync(up.clock_offset_file, "utf8"));
  } catch {
    return 0;
  }
}

/** Moves the clock of all processes, and of Postgres, forward. */
export function advance(ms) {
  writeFileSync(up.clock_offset_file, String(offset() + ms));
}

/** What the processes believe that it is. */
export function now() {
  return Date.now() + offset();
}

/** An instant as the contracts have it, to the second. */
export function timestamp(ms) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: 0 };
}

/** Kills a role as a power cut would; `up` starts it again. */
export function kill(role) {
  process.kill(Number(readFileSync(join(home, `run/${role}.pid`), "utf8")), "SIGKILL");
}

/** The sensor of a spot of the demo mall says whether a car stands there. */
export function sensorSays(spotNumber, occupied) {
  return sensorsSay([[spotNumber, occupied]]);
}

/** Several sensors of the demo mall do. */
export function sensorsSay(words) {
  const time = new Date(now()).toISOString();
  const message = ([spotNumber, occupied]) => [
    `parkmesh/devices/demo-${spotNumber.toLowerCase()}/up`,
    JSON.stringify({ occupied, time }),
  ];
  return publish(up.servers.mqtt, words.map(message));
}

/** A lot of its own for a story: one floor, with so many regular spots. */
export async function makeLot(name, spots, options = {}) {
  const inventory = client("booking.v1.InventoryService", "operator");
  const { lot } = await inventory.createLot({
    requestId: randomUUID(),
    name,
    address: "Nebenstraße 3, 10178 Berlin",
    latitude: 52.53,
    longitude: 13.42,
    timeZone: "Europe/Berlin",
    hourlyRate: { currencyCode: "EUR", units: 3n },
    ...options,
  });
  const { floor } = await inventory.createFloor({
    requestId: randomUUID(),
    lotId: lot.lotId,
    floorNumber: 0,
    name: "Ground",
    planWidth: 2.5 * spots,
    planHeight: 6,
  });
  await inventory.batchCreateSpots({
    requestId: randomUUID(),
    floorId: floor.floorId,
    spots: Array.from({ length: spots }, (_, index) => ({
      spotNumber: `${index + 1}`,
      spotType: 1,
      planX: index * 2.5,
      planY: 0,
    })),
  });
  const availability = client("availability.v1.AvailabilityService", "operator");
  await eventually(`the picture of ${name}`, async () => {
    const counts = await availability.getAvailability({ lotId: lot.lotId });
    return counts.total === spots;
  });
  return lot;
}

/** Looks again and again until it is so; errors count as not yet. */
export async function eventually(what, look, withinMs = 60_000) {
  const end = Date.now() + withinMs;
  for (;;) {
    try {
      const found = await look();
      if (found) return found;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
