import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "../support/browser.mjs";
import { openLot, pass, pay, reserve } from "../support/driver.mjs";
import { bay, live, operator } from "../support/operator.mjs";
import { freeze, way } from "../support/sleep.mjs";
import { client, eventually, kill, makeLot, sensorSays, up } from "../support/system.mjs";

/** A quarter of an hour: longer than any heartbeat, shorter than any token. */
const NIGHT = "15:00";
/** Within so long of waking the picture is right: a look every five seconds, and the way there. */
const RIGHT_MS = 10_000;
const OCCUPIED = 3;

/** A car comes, and the picture knows it, while those who sleep do not. */
async function comes(number) {
  await sensorSays(number, true);
  const availability = client("availability.v1.AvailabilityService", "operator");
  await eventually(`a car on ${number}`, async () => {
    const { spots } = await availability.listSpotStates({ lotId: up.lot_id });
    return spots.find((spot) => spot.spotNumber === number)?.status === OCCUPIED;
  });
}

/** How long it takes until a spot is drawn as occupied. */
async function seenAfter(page, number) {
  const woken = Date.now();
  await page.locator(`[data-number="${number}"][data-look="occupied"]`).waitFor();
  return Date.now() - woken;
}

test("a laptop that slept while its connections died shows what happened meanwhile within seconds of waking", async () => {
  const road = await way(up.gateway);
  const number = "0-195";
  const yuri = await person("yuri", "/", { baseURL: road.url });
  await yuri.clock.install();
  await yuri.reload();
  await openLot(yuri, "Demo Mall");
  await yuri.locator(`[data-number="${number}"][data-look="free"]`).waitFor();
  await yuri.getByText("Live", { exact: true }).waitFor();
  road.die();
  await comes(number);
  assert.equal(await yuri.locator(`[data-number="${number}"][data-look="free"]`).count(), 1, "it sleeps");
  await yuri.clock.fastForward(NIGHT);
  const after = await seenAfter(yuri, number);
  console.log(`a picture after sleep: right after ${after} ms`);
  assert.ok(after < RIGHT_MS, `the picture is right after ${after} ms`);
  await yuri.getByText("Live", { exact: true }).waitFor();
  await reserve(yuri);
  road.close();
});

test("a page that was frozen while the gateway restarted is right within seconds of being thawed, and misses no message", async () => {
  const number = "0-196";
  const lot = await makeLot("Terrace", 1);
  const zoe = await person("zoe");
  await openLot(zoe, "Terrace");
  await reserve(zoe);
  await pay(zoe);
  await pass(zoe);
  const olga = await operator("map");
  await live(olga);
  await bay(olga, number, "free").waitFor();
  for (const page of [zoe, olga]) await freeze(page, true);
  kill("gateway");
  await comes(number);
  const bookings = client("booking.v1.BookingService", "operator");
  const { bookings: made } = await bookings.listBookings({ lotId: lot.lotId });
  await bookings.checkIn({
    requestId: crypto.randomUUID(),
    key: { case: "bookingId", value: made[0].bookingId },
  });
  assert.equal(await bay(olga, number, "free").count(), 1, "it is frozen");
  for (const page of [zoe, olga]) await freeze(page, false);
  const after = await seenAfter(olga, number);
  await zoe.getByText("Parked since").waitFor({ timeout: RIGHT_MS });
  console.log(`a picture after being frozen: right after ${after} ms`);
  assert.ok(after < RIGHT_MS, `the picture is right after ${after} ms`);
  await live(olga);
});
