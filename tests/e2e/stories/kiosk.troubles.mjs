import assert from "node:assert/strict";
import { test } from "node:test";
import { randomUUID } from "node:crypto";
import { accessible } from "../support/browser.mjs";
import { card, kiosk, tapCode, ticket, walkIn } from "../support/kiosk.mjs";
import { client, eventually, kill, now, timestamp, token, up } from "../support/system.mjs";

const HOUR_MS = 3_600_000;

/** A booking that may arrive now. */
async function booked(who, plate = "") {
  const booking = client("booking.v1.BookingService", who);
  const answer = await booking.createBooking({
    requestId: randomUUID(),
    choice: { case: "pool", value: { lotId: up.lot_id, spotType: 1 } },
    window: { startTime: timestamp(now()), endTime: timestamp(now() + HOUR_MS) },
    plate,
    paymentMethod: "pm_card_ok",
  });
  return answer.booking;
}

test("a booked driver arrives by the code, and another one by the QR, wherever the kiosk is", async () => {
  const [first, second] = [await booked("otto"), await booked("paul")];
  const page = await kiosk();
  await page.getByRole("button", { name: "I have a booking" }).click();
  await tapCode(page, first.code);
  await page.getByText("You are checked in").waitFor();
  await page.getByText(first.spotNumber).waitFor();
  await accessible(page, "kiosk, arrived");

  // A reader types what it reads, fast, and ends with Enter.
  await page.keyboard.type(second.code);
  await page.keyboard.press("Enter");
  await page.getByText(second.spotNumber).waitFor();
});

test("a code that nobody has is refused, and says what to do", async () => {
  const page = await kiosk();
  await page.getByRole("button", { name: "I have a booking" }).click();
  await tapCode(page, "NOSUCH99");
  await page.locator('[data-reason="BOOKING_NOT_FOUND"]').waitFor();
  await accessible(page, "kiosk, an unknown code");
});

test("a car that is booked by its plate arrives by it; the kiosk tells nobody whose it is", async () => {
  const claims = JSON.parse(Buffer.from(up.tokens.kiosk.split(".")[1], "base64url").toString());
  const scope = `${claims.scope} sensor.write`;
  const page = await kiosk({ token: token("kiosk-2", { role: "kiosk", like: "kiosk", scope }) });
  const plate = `B-QT ${String(now()).slice(-4)}`;
  const booking = await booked("rosa", plate);
  await page.getByRole("button", { name: "I have a booking" }).click();
  await page.getByRole("button", { name: "By plate instead" }).click();
  await accessible(page, "kiosk, a plate");
  await page.keyboard.type(plate);
  await page.keyboard.press("Enter");
  await page.getByText("Your car is known.").waitFor();
  await accessible(page, "kiosk, a known car");
  assert.equal(await page.getByText(booking.spotNumber).count(), 0);
  const bookings = client("booking.v1.BookingService", "rosa");
  const ACTIVE = 3;
  await eventually("the arrival", async () => {
    const answer = await bookings.getBooking({ bookingId: booking.bookingId });
    return answer.booking.state === ACTIVE;
  });
});

test("a short loss of the network is told and waited out, and nothing is done twice", async () => {
  const page = await kiosk();
  await walkIn(page);
  await page.context().setOffline(true);
  await card(page);
  await page.getByText("We are still trying").waitFor();
  await page.getByText("No connection just now.").waitFor();
  await accessible(page, "kiosk, without a network");
  await page.context().setOffline(false);
  const code = await ticket(page);
  const bookings = client("booking.v1.BookingService", "operator");
  const list = await bookings.listBookings({ lotId: up.lot_id, pageSize: 50 });
  assert.equal(list.bookings.filter((one) => one.code === code).length, 1);
  assert.equal(list.bookings[0].code, code);
});

test("a gateway that restarts is waited for", async () => {
  const page = await kiosk();
  kill("gateway");
  await page.getByText("No connection just now.").waitFor();
  await page.getByText("No connection just now.").waitFor({ state: "detached" });
  await walkIn(page);
  await card(page);
  await ticket(page);
});

test("who walks away is asked, and then forgotten, in the language of whoever comes next", async () => {
  const page = await kiosk();
  await page.clock.install();
  await page.getByRole("button", { name: "Deutsch" }).click();
  await page.getByRole("button", { name: "Ich habe gebucht" }).click();
  await page.keyboard.type("SECRET");
  await page.clock.fastForward("00:46");
  await page.getByRole("heading", { name: "Sind Sie noch da?" }).waitFor();
  await accessible(page, "kiosk, are you there?");
  await page.clock.fastForward("00:20");
  await page.getByRole("button", { name: "Park now" }).waitFor();
  await page.getByRole("button", { name: "I have a booking" }).click();
  assert.equal(await page.getByLabel("Your code").inputValue(), "");
});

test("a kiosk whose token ends asks for another one and goes on", async () => {
  const short = token("kiosk-3", { role: "kiosk", like: "kiosk", seconds: 20 });
  const page = await kiosk({ token: short });
  await page.getByRole("heading", { name: "Your sign-in has ended" }).waitFor();
  await accessible(page, "kiosk, an ended sign-in");
  await page.getByLabel("Token").fill(token("kiosk-3", { role: "kiosk", like: "kiosk" }));
  await page.getByRole("button", { name: "Sign in" }).click();
  await walkIn(page);
  await card(page);
  await ticket(page);
});

test("help is there, and everything works with the keyboard alone", async () => {
  const page = await kiosk();
  await page.getByRole("button", { name: "Help" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Help" }).waitFor();
  await accessible(page, "kiosk, help");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const park = page.getByRole("button", { name: "Park now" });
  await park.focus();
  for (const name of [/A regular spot/, /^1 h/]) {
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name }).focus();
  }
  await page.keyboard.press("Enter");
  await page.getByLabel("Your plate").waitFor();
  await page.keyboard.type("B-KB 1");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "A card that works" }).focus();
  await page.keyboard.press("Enter");
  await ticket(page);
});
