import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible } from "../support/browser.mjs";
import { card, kiosk, tapCode, ticket, walkIn } from "../support/kiosk.mjs";

test("a car without a booking is let in at the kiosk, and pays and leaves there", async () => {
  const page = await kiosk();
  await accessible(page, "kiosk, first page");
  await walkIn(page);
  await accessible(page, "kiosk, card");
  await card(page, "A card without money");
  await page.locator('[data-reason="PAYMENT_DECLINED"]').waitFor();
  await accessible(page, "kiosk, a declined card");
  await card(page);
  const code = await ticket(page);
  await accessible(page, "kiosk, a spot");
  await page.getByRole("button", { name: /^Done/ }).click();

  await page.getByRole("button", { name: "Pay and leave" }).click();
  await accessible(page, "kiosk, a code");
  await tapCode(page, code);
  await page.getByRole("button", { name: "End parking and pay" }).waitFor();
  await accessible(page, "kiosk, a parked car");
  await page.getByRole("button", { name: "End parking and pay" }).click();
  await page.locator("[data-paid]").waitFor();
  await page.getByText(/^Receipt /).waitFor();
  await accessible(page, "kiosk, good-bye");
  assert.equal(await page.locator("[data-paid]").textContent(), "€2.50");
});
