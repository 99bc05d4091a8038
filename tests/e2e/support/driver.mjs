// What drivers do again and again.

import { at } from "./browser.mjs";

/** Opens a lot from the first view. */
export async function openLot(page, name) {
  await page.locator(`[data-lot="${name}"]`).click();
  await page.locator("[data-spot]").first().waitFor();
}

/** Taps a spot on the plan that is free; gives its number. */
export async function chooseSpot(page, number) {
  const spot = page
    .locator(number ? `[data-number="${number}"][data-look="free"]` : '[data-look="free"]')
    .first();
  const found = await spot.getAttribute("data-number");
  await spot.click();
  await page.locator(`[data-number="${found}"][data-look="chosen"]`).waitFor();
  return found;
}

/** Holds what is chosen; the page is then that of the booking. */
export async function reserve(page) {
  await page.getByRole("button", { name: "Reserve" }).click();
  await at(page, /\/bookings\//);
}

/** Pays with a card of the sandbox, by what the driver sees of it. */
export async function pay(page, card) {
  const button = page.getByRole("button", { name: /and reserve$/ });
  await button.waitFor();
  if (card !== undefined) {
    const other = page.getByRole("radio", { name: "New card" });
    if ((await other.count()) > 0) await other.check({ force: true });
    await page.getByLabel("Test card").selectOption(card);
  }
  await button.click();
}

/** Waits for the pass with the code, and gives the code. */
export async function pass(page) {
  const code = page.locator("[data-code]");
  await code.waitFor();
  return code.getAttribute("data-code");
}
