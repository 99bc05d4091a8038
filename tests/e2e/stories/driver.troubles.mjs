import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, person } from "../support/browser.mjs";
import { chooseSpot, openLot, pass, pay, reserve } from "../support/driver.mjs";
import { advance, kill, makeLot, now, sensorSays, token } from "../support/system.mjs";

const MINUTE_MS = 60_000;

test("a card that is declined leaves the spot to its driver, who takes another one", async () => {
  await makeLot("Square", 2);
  const cara = await person("cara");
  await openLot(cara, "Square");
  await reserve(cara);
  await pay(cara, "pm_card_declined");
  await cara.locator('[data-reason="PAYMENT_DECLINED"]').waitFor();
  await accessible(cara, "a declined card");
  assert.ok(await cara.getByRole("timer").isVisible());
  await pay(cara, "pm_card_mastercard");
  await pass(cara);
});

test("a driver who sees a spot that somebody takes meanwhile is told, and what is free instead", async () => {
  await makeLot("Lane", 3);
  const [emil, fay] = await Promise.all([person("emil"), person("fay")]);
  for (const page of [emil, fay]) {
    await openLot(page, "Lane");
    await chooseSpot(page, "2");
  }
  await Promise.all([emil, fay].map((page) => page.getByRole("button", { name: "Reserve" }).click()));
  const kept = await Promise.race([emil, fay].map((page) => page.waitForURL(/bookings/).then(() => page)));
  const other = kept === emil ? fay : emil;
  await other.locator('[data-reason="SPOT_TAKEN"]').waitFor();
  await accessible(other, "a spot that is taken");
  await other.getByText("Free instead:").waitFor();
  await other
    .getByRole("button", { name: /^[13]$/ })
    .first()
    .click();
  await other.waitForURL(/bookings/);
});

test("a gateway that dies is noticed, and what happened meanwhile is seen when it is back", async () => {
  const gina = await person("gina");
  await openLot(gina, "Demo Mall");
  await gina.getByText("Live", { exact: true }).waitFor();
  kill("gateway");
  await gina.getByText("Not live just now").waitFor();
  await accessible(gina, "a lot without news");
  await gina.getByText("Live", { exact: true }).waitFor();
  await reserve(gina);
  await gina.getByRole("timer").waitFor();
});

test("a token that ends is told, and signing in again goes on where the driver was", async () => {
  const hugo = await person("hugo", "/", {
    token: token("hugo", { seconds: 25 }),
  });
  await openLot(hugo, "Demo Mall");
  const number = await chooseSpot(hugo);
  await hugo.getByRole("heading", { name: "Your sign-in has ended" }).waitFor();
  await accessible(hugo, "an ended sign-in");
  await hugo.getByLabel("Token").fill(token("hugo"));
  await hugo.getByRole("button", { name: "Sign in" }).click();
  await hugo.locator(`[data-number="${number}"][data-look="chosen"]`).waitFor();
  await reserve(hugo);
  await hugo.getByText(`Spot ${number}`).first().waitFor();
});

test("without a network the driver is told, and the app goes on by itself when it is back", async () => {
  const ida = await person("ida");
  await openLot(ida, "Demo Mall");
  await ida.context().setOffline(true);
  await ida.getByText("You are offline.").waitFor();
  await accessible(ida, "offline");
  await ida.getByText("Not live just now").waitFor();
  await ida.context().setOffline(false);
  await ida.getByText("Live", { exact: true }).waitFor();
});

test("a car that a sensor sees stands on the map", async () => {
  const jana = await person("jana");
  await openLot(jana, "Demo Mall");
  // Whoever reserved any spot before may have got one of these.
  const free = jana.locator('[data-number^="0-16"][data-look="free"]').first();
  const number = await free.getAttribute("data-number");
  await sensorSays(number, true);
  const spot = jana.locator(`[data-number="${number}"][data-look="occupied"]`);
  await spot.waitFor();
  assert.match((await spot.getAttribute("aria-label")) ?? "", /occupied/);
});

test("a driver who stands on another spot is asked, says yes, and the booking moves there", async () => {
  const karl = await person("karl");
  await openLot(karl, "Demo Mall");
  await chooseSpot(karl, "0-150");
  await reserve(karl);
  await pay(karl);
  await pass(karl);
  await sensorSays("0-151", true);
  await karl.getByRole("link", { name: /^Messages/ }).click();
  await karl.getByRole("link", { name: /0-151/ }).first().click();
  await karl.getByRole("heading", { name: "Are you in 0-151?" }).waitFor();
  await accessible(karl, "are you in 42?");
  await karl.getByRole("button", { name: "Yes, I am in 0-151" }).click();
  await karl.getByText(/^Spot 0-151/).waitFor();
  await karl.getByText("Parked since").waitFor();
});

test("a booking for later is moved to another time, and given back", async () => {
  const lena = await person("lena");
  await lena.getByRole("button", { name: /^When/ }).click();
  await lena.getByRole("radio", { name: "Later" }).check({ force: true });
  await lena
    .getByLabel("Day", { exact: true })
    .fill(new Date(now() + 48 * 60 * MINUTE_MS).toISOString().slice(0, 10));
  await lena.getByLabel("Time", { exact: true }).fill("09:00");
  await accessible(lena, "choosing a time");
  await lena.getByRole("button", { name: "Use this time" }).click();
  await openLot(lena, "Demo Mall");
  await reserve(lena);
  await pay(lena);
  await pass(lena);
  await lena.getByText(/09:00 – 11:00/).waitFor();
  await lena.getByRole("button", { name: "Change" }).click();
  await lena.getByLabel("Time", { exact: true }).fill("10:00");
  await lena.getByRole("button", { name: "Use this time" }).click();
  await lena.getByText(/10:00 – 12:00/).waitFor();
  await lena.getByRole("button", { name: "Cancel booking" }).click();
  await accessible(lena, "sure?");
  await lena.getByRole("button", { name: "Yes, cancel it" }).click();
  await lena.getByText("This booking was cancelled.").waitFor();
});

// The last one, because it moves the clock.
test("a hold that nobody pays for counts down, ends before the driver's eyes, and leads to another one", async () => {
  await makeLot("Yard", 2);
  const dora = await person("dora");
  await openLot(dora, "Yard");
  await reserve(dora);
  assert.match((await dora.getByRole("timer").getAttribute("aria-label")) ?? "", /1[45]:\d\d/);
  advance(15 * MINUTE_MS);
  await dora.getByText("Nothing was charged.").waitFor();
  await accessible(dora, "an expired hold");
  await dora.getByRole("link", { name: "Reserve again" }).click();
  await dora.getByRole("button", { name: "Reserve" }).waitFor();
});
