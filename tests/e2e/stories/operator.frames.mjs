import assert from "node:assert/strict";
import { test } from "node:test";
import { randomUUID } from "node:crypto";
import { live, operator } from "../support/operator.mjs";
import { client, eventually } from "../support/system.mjs";

const [COLUMNS, ROWS] = [75, 40];
const SPOTS = COLUMNS * ROWS;
const BATCH = 1000;
const CHANGES_PER_SECOND = 100;
const SECONDS = 10;
/** Changes that are asked for at once. */
const STRIDE = 10;

const inventory = client("booking.v1.InventoryService", "operator");

/** A floor of 3,000 spots. */
async function field() {
  const { lot } = await inventory.createLot({
    requestId: randomUUID(),
    name: `Field ${randomUUID().slice(0, 4)}`,
    address: "Feldweg 1, 10178 Berlin",
    latitude: 52.5,
    longitude: 13.5,
    timeZone: "Europe/Berlin",
    hourlyRate: { currencyCode: "EUR", units: 1n },
  });
  const { floor } = await inventory.createFloor({
    requestId: randomUUID(),
    lotId: lot.lotId,
    floorNumber: 0,
    name: "Field",
    planWidth: COLUMNS * 2.5,
    planHeight: ROWS * 8,
  });
  const spots = Array.from({ length: SPOTS }, (_, index) => ({
    spotNumber: `F${index + 1}`,
    spotType: 1,
    planX: (index % COLUMNS) * 2.5,
    planY: Math.floor(index / COLUMNS) * 8,
  }));
  const ids = [];
  for (let from = 0; from < SPOTS; from += BATCH) {
    const batch = { requestId: randomUUID(), floorId: floor.floorId, spots: spots.slice(from, from + BATCH) };
    ids.push(...(await inventory.batchCreateSpots(batch)).spots.map((spot) => spot.spotId));
  }
  const availability = client("availability.v1.AvailabilityService", "operator");
  await eventually("the picture of the field", async () => {
    return (await availability.getAvailability({ lotId: lot.lotId })).total === SPOTS;
  });
  return { lot, ids };
}

/** Changes spots, so many a second, until it is told to stop; says how many were changed. */
function changing(ids) {
  const out = new Set();
  const asked = [];
  const every = (STRIDE * 1000) / CHANGES_PER_SECOND;
  const timer = setInterval(() => {
    for (let count = 0; count < STRIDE; count += 1) {
      const spotId = ids[Math.floor(Math.random() * ids.length)];
      const outOfService = !out.has(spotId);
      if (outOfService) out.add(spotId);
      else out.delete(spotId);
      asked.push(
        inventory.setSpotStatus({ spotId, outOfService }).then(
          () => true,
          () => false,
        ),
      );
    }
  }, every);
  return async () => {
    clearInterval(timer);
    return (await Promise.all(asked)).filter(Boolean).length;
  };
}

/** Counts frames, and bays that change, in the page. */
function watchFrames(seconds) {
  return new Promise((resolve) => {
    let changes = 0;
    const observer = new MutationObserver((records) => (changes += records.length));
    const plan = document.querySelector("[role=application] svg");
    observer.observe(plan, { subtree: true, attributeFilter: ["data-look"] });
    const gaps = [];
    const begun = performance.now();
    let last = begun;
    const frame = (at) => {
      gaps.push(at - last);
      last = at;
      if (at - begun < seconds * 1000) return requestAnimationFrame(frame);
      observer.disconnect();
      gaps.sort((a, b) => a - b);
      const share = (part) => gaps[Math.floor(gaps.length * part)];
      resolve({
        perSecond: (gaps.length * 1000) / (at - begun),
        p50: share(0.5),
        p95: share(0.95),
        longest: gaps.at(-1),
        changes,
      });
    };
    requestAnimationFrame(frame);
  });
}

test("three thousand spots with a hundred changes a second keep fifty frames a second", async () => {
  const { lot, ids } = await field();
  const olga = await operator("map", { lotId: lot.lotId });
  await live(olga);
  await olga.waitForFunction((count) => document.querySelectorAll("[data-number]").length === count, SPOTS);
  const stop = changing(ids);
  await olga.waitForFunction(() => document.querySelectorAll('[data-look="closed"]').length > 50);
  const seen = await olga.evaluate(watchFrames, SECONDS);
  const changed = await stop();
  console.log(`frames: ${JSON.stringify(seen)}; changes asked for: ${changed}`);
  assert.ok(seen.changes > CHANGES_PER_SECOND * SECONDS * 0.8, `too few changes were seen: ${seen.changes}`);
  assert.ok(seen.perSecond >= 50, `${seen.perSecond} frames a second`);
});
