import assert from "node:assert/strict";
import { test } from "node:test";
import { kiosk, ticket } from "../support/kiosk.mjs";
import { arrivedAt, enter, everyStop, focused, tabTo } from "../support/keyboard.mjs";

/** Nobody does anything for so long that the kiosk asks whether anybody is there. */
async function asked(page) {
  await page.clock.fastForward("00:46");
  await page.getByRole("dialog", { name: "Sind Sie noch da?" }).waitFor();
}

test("a car is let in, pays and leaves at the kiosk with the keyboard alone", async () => {
  const page = await kiosk();
  await arrivedAt(page, "Welcome");
  await everyStop(page, "kiosk, first page");
  await enter(page, /^Park now/);
  await arrivedAt(page, "What do you need?");
  await everyStop(page, "kiosk, the kinds");
  await enter(page, /^A regular spot/);
  await arrivedAt(page, "How long do you stay?");
  await page.getByRole("button", { name: /^2 h/ }).waitFor();
  await everyStop(page, "kiosk, the stays");
  await enter(page, /^2 h/);
  await page.getByLabel("Your plate").waitFor();
  assert.equal(await focused(page), "Your plate");
  await everyStop(page, "kiosk, a plate");
  await enter(page, "Back");
  await arrivedAt(page, "How long do you stay?");
  await enter(page, /^2 h/);
  await enter(page, "Without a plate");
  await arrivedAt(page, "Hold your card");
  await everyStop(page, "kiosk, the cards");
  await enter(page, "A card that works");
  const code = await ticket(page);
  await arrivedAt(page, "You are checked in");
  await everyStop(page, "kiosk, a ticket");
  await enter(page, /^Done/);
  await arrivedAt(page, "Welcome");

  await enter(page, /^Pay and leave/);
  await page.getByLabel("Your code").waitFor();
  await everyStop(page, "kiosk, a code");
  // Letter by letter on the keys of the screen, as a switch for one finger does.
  for (const letter of code.slice(0, 2)) await enter(page, letter);
  await tabTo(page, "Your code", "input");
  await page.keyboard.press("End");
  await page.keyboard.type(code.slice(2), { delay: 80 });
  await page.keyboard.press("Enter");
  await arrivedAt(page, "Parked since");
  await everyStop(page, "kiosk, a parked car");
  await enter(page, /^End parking/);
  await arrivedAt(page, "Thank you");
  await everyStop(page, "kiosk, good-bye");
  await enter(page, /^Done/);
  await arrivedAt(page, "Welcome");
});

test("help, the other language and the question whether anybody is there are answered with the keyboard alone", async () => {
  const page = await kiosk();
  await page.clock.install();
  await enter(page, "Help");
  await arrivedAt(page, "Help");
  await everyStop(page, "kiosk, help");
  await enter(page, "Deutsch");
  assert.equal(await focused(page), "Deutsch");
  await asked(page);
  await everyStop(page, "kiosk, are you there?");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), "Deutsch");
  await tabTo(page, "Zurück", "button");
  await asked(page);
  await enter(page, "Weiter", "dialog button");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  // The answer is for the question alone, and not for what lies behind it.
  await page.getByRole("heading", { name: "Hilfe", level: 1 }).waitFor();
  assert.equal(await focused(page), "Zurück");
  await page.keyboard.press("Enter");
  await arrivedAt(page, "Welcome");
});
