import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, person } from "../support/browser.mjs";
import { pass } from "../support/driver.mjs";
import {
  arrivedAt,
  choose,
  dialogKeeps,
  enter,
  everyStop,
  fill,
  fillTime,
  focused,
  tabTo,
} from "../support/keyboard.mjs";
import { makeLot } from "../support/system.mjs";

const STEPS_MAX = 60;
const DESK = { viewport: { width: 1280, height: 900 } };

/** The time of day there. */
function berlin(ms) {
  return new Date(ms).toLocaleTimeString("en-GB", { timeZone: "Europe/Berlin", timeStyle: "short" });
}

/** Goes to a lot of the first view. */
async function toLot(page, name) {
  await page.locator(`[data-lot="${name}"]`).waitFor();
  await enter(page, new RegExp(`^${name}`));
  await page.locator('[data-look="free"], [data-look="reserved"]').first().waitFor();
}

/** Reserves any spot of a lot, and pays; the page then shows the pass. */
async function reserves(page, lot) {
  await toLot(page, lot);
  await enter(page, /^Reserve/);
  await page.waitForURL(/bookings/);
  await page.getByRole("timer").waitFor();
  await enter(page, /and reserve/);
  return pass(page);
}

test("a driver reserves a certain spot with the keyboard alone", async () => {
  await makeLot("Court", 8);
  const mia = await person("mia", "/", DESK);
  await toLot(mia, "Court");
  await arrivedAt(mia, "Court");
  await tabTo(mia, /^Plan of/);
  await mia.keyboard.press("ArrowRight");
  for (let step = 0; (await mia.locator('[data-look="chosen"]').count()) === 0; step += 1) {
    assert.ok(step < STEPS_MAX, "the arrow keys find no free spot");
    const free = await mia.locator('.active[data-look="free"]').count();
    await mia.keyboard.press(free > 0 ? "Enter" : "ArrowRight");
  }
  const number = await mia.locator('[data-look="chosen"]').getAttribute("data-number");
  await accessible(mia, "a spot that is chosen");
  await everyStop(mia, "a lot with a chosen spot");
  await enter(mia, /^Reserve/);
  await mia.waitForURL(/bookings/);
  await mia.getByRole("timer").waitFor();
  await arrivedAt(mia, "Court");
  await everyStop(mia, "a hold");
  await enter(mia, /and reserve/);
  await pass(mia);
  await mia.getByText(`Spot ${number}`).first().waitFor();
  await everyStop(mia, "a pass");
});

test("a driver arrives, stays longer, leaves and reads the receipt with the keyboard alone", async () => {
  await makeLot("Orchard", 3);
  const rita = await person("rita");
  await reserves(rita, "Orchard");
  await enter(rita, "I have arrived");
  await rita.getByRole("button", { name: "I am leaving" }).waitFor();
  // What had the focus is gone: the keyboard goes on at the top of the view, and not nowhere.
  await arrivedAt(rita, "Orchard");
  await everyStop(rita, "a stay");
  await tabTo(rita, "Stay longer");
  await dialogKeeps(rita, "Stay longer");
  await choose(rita, "How much longer", /1 h/);
  await enter(rita, /^Stay longer until/);
  await rita.getByText("3 h", { exact: true }).waitFor();
  assert.equal(await focused(rita), "Stay longer");
  await tabTo(rita, "I am leaving");
  await dialogKeeps(rita, "End your stay now?");
  await enter(rita, "Yes, end it");
  await rita.getByText("Your stay is over").waitFor();
  await arrivedAt(rita, "Orchard");
  await rita.getByText("Number", { exact: false }).waitFor();
  await everyStop(rita, "a receipt");
  await enter(rita, "Bookings");
  await arrivedAt(rita, "Your bookings");
  await everyStop(rita, "the bookings");
  await enter(rita, /^Orchard/);
  await arrivedAt(rita, "Orchard");
  await enter(rita, "Back");
  await arrivedAt(rita, "Your bookings");
});

test("a booking for later is moved and cancelled with the keyboard alone", async () => {
  await makeLot("Meadow", 2);
  const timea = await person("timea", "/", DESK);
  await tabTo(timea, /^When/);
  await dialogKeeps(timea, "When do you need it?");
  await choose(timea, "From", /Later/);
  // The day that stands there is that of an hour from now, by the lot's clock.
  const start = Date.now() + 75 * 60_000;
  await fillTime(timea, "Time", berlin(start));
  await choose(timea, "For how long", /^1 h/);
  await enter(timea, "Use this time");
  assert.match(await focused(timea), /^When: .*1 h$/);
  await reserves(timea, "Meadow");
  await tabTo(timea, "Change");
  await dialogKeeps(timea, "Move the booking");
  await choose(timea, "For how long", /^4 h/);
  await enter(timea, "Use this time");
  await timea.getByText(`${berlin(start)} – ${berlin(start + 4 * 3_600_000)}`).waitFor();
  assert.equal(await focused(timea), "Change");
  await tabTo(timea, "Cancel booking");
  await dialogKeeps(timea, "Cancel this booking?");
  await enter(timea, "Yes, cancel it");
  await timea.getByText("This booking was cancelled.").waitFor();
  await arrivedAt(timea, "Meadow");
});

test("a driver waits in line, takes an offer and leaves a line with the keyboard alone", async () => {
  await makeLot("Arcade", 1);
  const [ulla, vera] = [await person("ulla"), await person("vera")];
  await reserves(ulla, "Arcade");
  await toLot(vera, "Arcade");
  await enter(vera, "Join the waitlist");
  await arrivedAt(vera, "Your bookings");
  await vera.getByText("You are next in line").waitFor();
  await everyStop(vera, "a line");
  await enter(vera, "Leave the line");
  await vera.getByText("No bookings yet").waitFor();
  await arrivedAt(vera, "Your bookings");
  await enter(vera, "Find");
  await toLot(vera, "Arcade");
  await enter(vera, "Join the waitlist");
  await vera.getByText("You are next in line").waitFor();
  await enter(ulla, "Cancel booking");
  await enter(ulla, "Yes, cancel it");
  await vera.getByText("A spot is yours!").waitFor();
  await enter(vera, /Messages/);
  const told = vera.getByRole("link", { name: /A place is free for you.*Confirm$/ });
  await told.waitFor();
  assert.doesNotMatch(await told.innerText(), /http/);
  await enter(vera, /A place is free for you/);
  await arrivedAt(vera, "Arcade");
  await enter(vera, "Bookings");
  await arrivedAt(vera, "Your bookings");
  await enter(vera, "Take it");
  await arrivedAt(vera, "Arcade");
  await enter(vera, /and reserve/);
  await pass(vera);
});

test("a driver says where the car stands with the keyboard alone", async () => {
  const wim = await person("wim");
  await reserves(wim, "Demo Mall");
  await enter(wim, "I stand on another spot");
  await wim.getByRole("heading", { name: "Where is your car?" }).waitFor();
  await arrivedAt(wim, "Demo Mall");
  await choose(wim, "Where is your car?", /Ground|^0/);
  await tabTo(wim, /^Plan of/);
  await wim.keyboard.press("ArrowDown");
  await wim.keyboard.press("Enter");
  await wim.locator('[data-look="chosen"]').waitFor();
  await everyStop(wim, "where is your car");
  await enter(wim, "That is not my car");
  await pass(wim);
  // Of two bookings that are due nobody is asked whose a car is: the next story wants to be the only one.
  await enter(wim, "Cancel booking");
  await enter(wim, "Yes, cancel it");
  await wim.getByText("This booking was cancelled.").waitFor();
});

test("messages are read, and followed, with the keyboard alone", async () => {
  await makeLot("Bastion", 1);
  const xena = await person("xena");
  await reserves(xena, "Bastion");
  await enter(xena, /Messages/);
  await arrivedAt(xena, "Messages");
  await xena
    .getByRole("link", { name: /Bastion/ })
    .first()
    .waitFor();
  await everyStop(xena, "messages");
  await enter(xena, /Bastion/);
  await arrivedAt(xena, "Bastion");
});

test("vehicles, cards, mail and the look of the app are chosen with the keyboard alone, and stay", async () => {
  const nora = await person("nora", "/me");
  await arrivedAt(nora, "You");
  await fill(nora, "Plate", "b-pm 123");
  await nora.keyboard.press("Enter");
  await nora.getByRole("radio", { name: "B-PM 123" }).waitFor();
  await enter(nora, "Add card");
  await nora.getByText("4242").waitFor();
  await fill(nora, /^Mail address/, "nora@example.org");
  await tabTo(nora, "Quiet at night");
  await nora.keyboard.press("Space");
  await tabTo(nora, "Mail waits from", "input");
  await nora.keyboard.press("ArrowUp");
  await enter(nora, "Save");
  await nora.getByText("Saved.").waitFor();
  await everyStop(nora, "you");
  await choose(nora, "Light or dark", /Dark/);
  await choose(nora, "Language", /Deutsch/);
  await accessible(nora, "you, dark and in German");
  await nora.reload();
  await arrivedAt(nora, "Sie");
  await nora.getByLabel("E-Mail-Adresse").waitFor();
  assert.equal(await nora.getByLabel("E-Mail-Adresse").inputValue(), "nora@example.org");
  assert.equal(await nora.getByLabel("E-Mails warten von").inputValue(), "23:00");
  assert.ok(await nora.getByRole("radio", { name: "B-PM 123" }).isChecked());
  // What is removed takes the focus with it, which goes back to the top.
  await enter(nora, /4242.*entfernen/);
  await nora.getByText("4242").waitFor({ state: "detached" });
  await arrivedAt(nora, "Sie");
});
