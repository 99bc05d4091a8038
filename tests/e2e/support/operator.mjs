// What operators do again and again.

import { person } from "./browser.mjs";
import { sensorSays, up } from "./system.mjs";

const DESK = { width: 1440, height: 900 };

/** The views of a lot, by their addresses, with their names. */
export const VIEWS = {
  map: "Live map",
  reports: "Reports",
  ground: "Ground",
  bookings: "Bookings",
  overstays: "Overstays",
  closures: "Closures",
  tariffs: "Tariffs",
  discounts: "Discounts",
  waitlist: "Waitlist",
  audit: "Audit",
  import: "Import",
};

/** Waits until nothing of a view is still being read. */
export async function settled(page) {
  await page.waitForFunction(
    () => document.querySelector("h1") && !document.querySelector('[aria-busy="true"].stack'),
  );
}

/** An operator at a desk, in front of a view of a lot. */
export function operator(view, { lotId = up.lot_id, ...options } = {}) {
  return person("operator", `/operator/${lotId}/${view}`, { viewport: DESK, ...options });
}

/** Waits until the picture is live. */
export function live(page) {
  return page.locator('[role="status"].live').waitFor();
}

/** A spot on the map, by its number, and by how it looks where that is said. */
export function bay(page, number, look) {
  return page.locator(`[data-number="${number}"]${look ? `[data-look="${look}"]` : ""}`);
}

/** Lets the sensor of a spot say that no car stands there, and waits until the map shows it. */
export async function vacate(page, number) {
  await sensorSays(number, false);
  await bay(page, number, "free").waitFor();
}
