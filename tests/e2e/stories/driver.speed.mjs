import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "../support/browser.mjs";
import { openLot } from "../support/driver.mjs";
import { sensorSays } from "../support/system.mjs";

/** Slow 3G, as WebPageTest has it: 400 kbit/s each way, 400 ms there and back. */
const SLOW_3G = { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 };
const SLOWER = 4;
const USABLE_MS = 5_000;
const SHIFT = 0.1;
const SHIFT_WATCHED_MS = 3_000;
/** How long a car must stand before a usual model of sensor is believed. */
const SETTLE_MS = 3_000;
const MAP_MS = 1_000;
const CARS = ["0-180", "0-181", "0-182", "0-183", "0-184"];

/** In the page: the time at which a spot is drawn as occupied. */
function whenOccupied(number) {
  const spot = document.querySelector(`[data-number="${number}"]`);
  return new Promise((resolve) => {
    const look = () => spot.getAttribute("data-look") === "occupied" && resolve(Date.now());
    new MutationObserver(look).observe(spot, { attributeFilter: ["data-look"] });
    look();
  });
}

/** In the page: adds up what moves without having been asked to. */
function watchShifts() {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput) {
        const of = entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? "a text");
        window.shifts.push({ value: entry.value, at: Math.round(entry.startTime), of });
      }
  }).observe({ type: "layout-shift", buffered: true });
}

/** A slow phone on a slow network, that has never seen the app. */
async function slowDown(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Network.emulateNetworkConditions", SLOW_3G);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await page.addInitScript(watchShifts);
}

/** How long it takes until a lot can be chosen, and how much the view has moved by itself. */
async function firstView() {
  const page = await person("sina", "/", { before: slowDown });
  await page.locator("[data-lot]").first().waitFor();
  const usableMs = Math.round(await page.evaluate(() => performance.now()));
  await page.waitForTimeout(SHIFT_WATCHED_MS);
  const { shifts, bytes, paintMs } = await page.evaluate(() => ({
    shifts: window.shifts,
    bytes: performance.getEntriesByType("resource").reduce((sum, one) => sum + one.transferSize, 0),
    paintMs: Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0),
  }));
  const shift = Math.round(shifts.reduce((sum, one) => sum + one.value, 0) * 1000) / 1000;
  await page.locator("[data-lot]").first().click();
  await page.waitForURL(/\/lots\//);
  await page.context().close();
  assert.ok(shift < SHIFT, `the view moves by ${shift}: ${JSON.stringify(shifts)}`);
  return { usableMs, paintMs, shift, bytes };
}

test("on slow 3G with a processor that is four times slower a driver can choose a lot within five seconds, and nothing jumps", async () => {
  // The quickest of three: whatever else runs on the machine, four times as much of it, can only add.
  const seen = [await firstView(), await firstView(), await firstView()];
  const best = seen.toSorted((a, b) => a.usableMs - b.usableMs)[0];
  console.log(`slow 3G, processor 4 times slower: ${JSON.stringify(best)}`);
  assert.ok(best.usableMs < USABLE_MS, `usable after ${best.usableMs} ms`);
});

test("what a sensor says is on the map within a second of its having settled", async () => {
  const page = await person("timo");
  await openLot(page, "Demo Mall");
  const delays = [];
  for (const number of CARS) {
    await page.locator(`[data-number="${number}"][data-look="free"]`).waitFor();
    const seen = page.evaluate(whenOccupied, number);
    const said = Date.now();
    await sensorSays(number, true);
    delays.push((await seen) - said - SETTLE_MS);
  }
  delays.sort((a, b) => a - b);
  console.log(`a sensor to the map, after ${SETTLE_MS} ms to settle: ${JSON.stringify(delays)} ms`);
  assert.ok(delays[Math.floor(delays.length / 2)] < MAP_MS, `${delays} ms`);
});
