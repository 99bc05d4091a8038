import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "../support/browser.mjs";
import { client, encode, up } from "../support/system.mjs";

// What is measured is the page: stream, decoder, picture, map. The answers of the watch are made beforehand and handed to it at the
// rate that is asked for, so that the services' work is not measured with it.

const [COLUMNS, ROWS] = [75, 40];
const SPOTS = COLUMNS * ROWS;
const CHANGES_PER_SECOND = 100;
const SECONDS = 10;
const [AVAILABLE, OCCUPIED] = [1, 3];
const REGULAR = 1;

/** A whole floor of 3,000 spots, then one change after the other; as gRPC-web frames in base64. */
function answers(floorId) {
  const status = Array.from({ length: SPOTS }, (_, index) => (index % 3 === 0 ? OCCUPIED : AVAILABLE));
  const spot = (index, version) => ({
    spotId: `field-${index}`,
    floorId,
    spotNumber: `F${index + 1}`,
    spotType: REGULAR,
    status: status[index],
    spotVersion: BigInt(version),
    planX: (index % COLUMNS) * 2.5,
    planY: Math.floor(index / COLUMNS) * 8,
  });
  const counts = () => ({
    free: status.filter((one) => one === AVAILABLE).length,
    total: SPOTS,
  });
  const snapshot = { counts: counts(), spots: status.map((_, index) => spot(index, 1)), snapshot: true };
  const changes = Array.from({ length: CHANGES_PER_SECOND * SECONDS * 3 }, (_, version) => {
    const index = (version * 7919) % SPOTS;
    status[index] = status[index] === AVAILABLE ? OCCUPIED : AVAILABLE;
    return { counts: counts(), spots: [spot(index, version + 2)] };
  });
  return [snapshot, ...changes].map(frame);
}

function frame(answer) {
  const body = Buffer.from(encode("availability.v1.WatchAvailabilityResponse", answer));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]).toString("base64");
}

/** In the page: the watch is answered by these frames, the first at once and the others so many a second. */
function answerWatch({ frames, perSecond }) {
  const real = window.fetch;
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  window.fetch = (input, init) => {
    const url = typeof input === "string" ? input : (input.url ?? String(input));
    if (!url.endsWith("/WatchAvailability")) return real(input, init);
    let next = 1;
    const body = new ReadableStream({
      start(stream) {
        stream.enqueue(bytes(frames[0]));
        const begun = performance.now();
        const timer = setInterval(() => {
          const due = Math.min(frames.length - 1, ((performance.now() - begun) * perSecond) / 1000);
          for (; next <= due; next += 1) stream.enqueue(bytes(frames[next]));
          if (next >= frames.length) clearInterval(timer);
        }, 1000 / perSecond);
      },
    });
    return Promise.resolve(new Response(body, { headers: { "content-type": "application/grpc-web+proto" } }));
  };
}

/** In the page: counts frames, and bays that change. */
function watchFrames(seconds) {
  return new Promise((resolve) => {
    let changes = 0;
    const observer = new MutationObserver((records) => (changes += records.length));
    const plan = document.querySelector("[role=application] svg");
    observer.observe(plan, { subtree: true, attributeFilter: ["data-look"] });
    const gaps = [];
    const begun = performance.now();
    let last = begun;
    const next = (at) => {
      gaps.push(at - last);
      last = at;
      if (at - begun < seconds * 1000) return requestAnimationFrame(next);
      observer.disconnect();
      gaps.sort((a, b) => a - b);
      const share = (part) => Math.round(gaps[Math.floor(gaps.length * part)] * 10) / 10;
      resolve({
        framesPerSecond: Math.round((gaps.length * 10_000) / (at - begun)) / 10,
        p50Ms: share(0.5),
        p95Ms: share(0.95),
        p99Ms: share(0.99),
        changesPerSecond: Math.round((changes * 1000) / (at - begun)),
      });
    };
    requestAnimationFrame(next);
  });
}

test("three thousand spots with a hundred changes a second keep fifty frames a second", async () => {
  const inventory = client("booking.v1.InventoryService", "operator");
  const { floors } = await inventory.listFloors({ lotId: up.lot_id });
  const olga = await person("operator", "/operator", { viewport: { width: 1440, height: 900 } });
  await olga.addInitScript(answerWatch, {
    frames: answers(floors[0].floorId),
    perSecond: CHANGES_PER_SECOND,
  });
  await olga.goto(`/operator/${up.lot_id}/map`);
  await olga.waitForFunction((count) => document.querySelectorAll("[data-number]").length === count, SPOTS);
  const seen = await olga.evaluate(watchFrames, SECONDS);
  console.log(`3,000 spots: ${JSON.stringify(seen)}`);
  assert.ok(
    seen.changesPerSecond >= CHANGES_PER_SECOND * 0.9,
    `${seen.changesPerSecond} changes a second were drawn`,
  );
  assert.ok(seen.framesPerSecond >= 50, `${seen.framesPerSecond} frames a second`);
});
