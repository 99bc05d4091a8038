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

test("on slow 3G with a processor that is four times slower a driver can choose a lot within five seconds, and nothing jumps", async () => {
  const page = await person("sina", "/", { before: slowDown });
  await page.locator("[data-lot]").first().waitFor();
  // A lot that is seen can be tapped: its link is one, and nothing long holds the page.
  const usableMs = Math.round(await page.evaluate(() => performance.now()));
  await page.waitForTimeout(SHIFT_WATCHED_MS);
  const { shifts, bytes, paintMs } = await page.evaluate(() => ({
    shifts: window.shifts,
    bytes: performance.getEntriesByType("resource").reduce((sum, one) => sum + one.transferSize, 0),
    paintMs: Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0),
  }));
  const shift = Math.round(shifts.reduce((sum, one) => sum + one.value, 0) * 1000) / 1000;
  console.log(`slow 3G, processor 4 times slower: ${JSON.stringify({ usableMs, paintMs, shift, bytes })}`);
  await page.locator("[data-lot]").first().click();
  await page.waitForURL(/\/lots\//);
  assert.ok(shift < SHIFT, `the view moves by ${shift}: ${JSON.stringify(shifts)}`);
  assert.ok(usableMs < USABLE_MS, `usable after ${usableMs} ms`);
});
