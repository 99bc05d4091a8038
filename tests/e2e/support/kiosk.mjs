// What people do at a kiosk again and again.

import { person } from "./browser.mjs";

const UPRIGHT = { width: 1080, height: 1440 };

/** A kiosk of a lot, at its first page. */
export async function kiosk(options = {}) {
  const page = await person("kiosk", "/kiosk", { viewport: UPRIGHT, ...options });
  await page.getByRole("button", { name: "Park now" }).waitFor();
  return page;
}

/** Goes from the first page to the choice of a card, for a regular spot. */
export async function walkIn(page, { plate } = {}) {
  await page.getByRole("button", { name: "Park now" }).click();
  await page.getByRole("button", { name: /A regular spot/ }).click();
  await page.getByRole("button", { name: /^2 h/ }).click();
  if (plate === undefined) {
    await page.getByRole("button", { name: "Without a plate" }).click();
  } else {
    await page.keyboard.type(plate);
    await page.keyboard.press("Enter");
  }
}

/** Holds a card to the terminal, by what stands beside it. */
export async function card(page, name = "A card that works") {
  await page.getByRole("button", { name, exact: true }).click();
}

/** Waits for the spot and the code of a car that has just been let in; gives the code. */
export async function ticket(page) {
  const code = page.locator("p[data-code]");
  await code.waitFor();
  return code.getAttribute("data-code");
}

/** Types a code on the keys of the screen. */
export async function tapCode(page, code) {
  for (const letter of code) await page.getByRole("button", { name: letter, exact: true }).click();
  await page.getByRole("button", { name: "OK" }).click();
}
