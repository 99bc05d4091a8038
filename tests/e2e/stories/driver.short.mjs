import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, person } from "../support/browser.mjs";
import { openLot, pass, pay, reserve } from "../support/driver.mjs";
import { makeLot } from "../support/system.mjs";

test("a driver reserves with three taps, arrives, stays longer, leaves and has a receipt", async () => {
  const anna = await person("driver");
  await anna.locator("[data-lot]").first().waitFor();
  await accessible(anna, "finding");

  // Three taps: the lot, the spot, the payment.
  await openLot(anna, "Demo Mall");
  await accessible(anna, "the lot");
  await reserve(anna);
  await anna.getByRole("timer").waitFor();
  await accessible(anna, "the hold");
  await pay(anna);
  assert.match((await pass(anna)) ?? "", /^[2-9A-Z]{8}$/);
  await accessible(anna, "the pass");

  await anna.getByRole("button", { name: "I have arrived" }).click();
  await anna.getByRole("button", { name: "Stay longer" }).click();
  await accessible(anna, "staying longer");
  await anna.getByRole("button", { name: /^Stay longer until/ }).click();
  await anna.getByText("2 h 30 min").waitFor();
  await anna.getByRole("button", { name: "I am leaving" }).click();
  await anna.getByRole("button", { name: "Yes, end it" }).click();
  await anna.getByText("Your stay is over").waitFor();
  await anna.getByText("Number", { exact: false }).waitFor();
  await accessible(anna, "the receipt");
});

test("of two drivers who want the last spot one has it, and the other is told and may wait in line", async () => {
  await makeLot("Corner", 1);
  const [anna, ben] = await Promise.all([person("driver"), person("second_driver")]);
  for (const page of [anna, ben]) await openLot(page, "Corner");
  await Promise.all([anna, ben].map((page) => page.getByRole("button", { name: "Reserve" }).click()));
  const kept = await Promise.race([anna, ben].map((page) => page.waitForURL(/bookings/).then(() => page)));
  const other = kept === anna ? ben : anna;
  await other.locator("[data-reason]").waitFor();
  assert.equal(await other.locator("[data-reason]").getAttribute("data-reason"), "SOLD_OUT");
  await other.getByRole("button", { name: "Join the waitlist" }).click();
  await other.getByText("You are next in line").waitFor();
  await accessible(other, "the line");

  // What the winner gives back is offered to who waits, before anybody else may have it.
  await kept.getByRole("button", { name: "Give the spot back" }).click();
  await other.getByText("A spot is yours!").waitFor();
  await other.getByRole("link", { name: "Take it" }).click();
  await pay(other);
  await pass(other);
});
