import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { VIEWS, live, operator, settled } from "../support/operator.mjs";
import {
  arrivedAt,
  choose,
  dialogKeeps,
  enter,
  everyStop,
  fill,
  focused,
  tabTo,
} from "../support/keyboard.mjs";
import { client, makeLot, now, timestamp, up } from "../support/system.mjs";

const HOUR_MS = 3_600_000;

/** A booking of a lot, from so many hours from now on. */
async function booked(lot, who, inHours) {
  const begin = now() + inHours * HOUR_MS;
  const { booking } = await client("booking.v1.BookingService", who).createBooking({
    requestId: randomUUID(),
    choice: { case: "pool", value: { lotId: lot.lotId, spotType: 1 } },
    window: { startTime: timestamp(begin), endTime: timestamp(begin + HOUR_MS) },
    paymentMethod: "pm_card_ok",
  });
  return booking;
}

test("every view of the operator's is gone to, and gone round in, with the keyboard alone", async () => {
  // Not from the map, so that there is a way to it, too.
  const olga = await operator("import");
  await live(olga);
  for (const name of Object.values(VIEWS)) {
    await enter(olga, name);
    await arrivedAt(olga, name);
    await settled(olga);
    await everyStop(olga, `operator, ${name}`);
  }
  await enter(olga, "New lot");
  await arrivedAt(olga, "New lot");
  await everyStop(olga, "operator, a new lot");
});

test("a spot is found, taken out of service, put back and closed for a time with the keyboard alone", async () => {
  const lot = await makeLot("Quay", 3);
  const olga = await operator("map", { lotId: lot.lotId });
  await live(olga);
  await fill(olga, "Find a spot", "2");
  await olga.keyboard.press("Enter");
  const panel = olga.getByRole("region", { name: "Spot 2" });
  await panel.waitFor();
  await everyStop(olga, "operator, a spot");
  await enter(olga, "Take out of service");
  await panel.getByText("out of service").first().waitFor();
  await enter(olga, "Put back in service");
  await panel.getByText("free").first().waitFor();
  await enter(olga, "Close for a time");
  const dialog = olga.getByRole("dialog", { name: "A new closure" });
  await dialog.waitFor();
  await fill(olga, "Why, for people", "Paint");
  await olga.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await olga.getByText("Closed. No booking meets it.").waitFor();
  // Nobody opened that dialog by a button: the focus goes to the top.
  await arrivedAt(olga, "Closures");
});

test("a closure is made and removed, and a booking cancelled, with the keyboard alone", async () => {
  const lot = await makeLot("Cloister", 2);
  const met = await booked(lot, "arno", 3);
  const olga = await operator("closures", { lotId: lot.lotId });
  await arrivedAt(olga, "Closures");
  await tabTo(olga, "Close", "button");
  await dialogKeeps(olga, "A new closure");
  await fill(olga, "Why, for people", "Cleaning");
  await choose(olga, "Bookings that stand already", /^stand/);
  await olga.keyboard.press("Enter");
  await olga.getByText("It meets 1 bookings").waitFor();
  assert.equal(await focused(olga), "Close");
  await enter(olga, met.spotNumber);
  await arrivedAt(olga, `Booking ${met.code}`);
  await everyStop(olga, "operator, a booking");
  await tabTo(olga, "Cancel booking", "button");
  await dialogKeeps(olga, "Cancel booking");
  await enter(olga, "Cancel booking", "dialog button");
  await olga.getByText("cancelled", { exact: true }).first().waitFor();
  await arrivedAt(olga, `Booking ${met.code}`);
  await enter(olga, "Closures");
  await arrivedAt(olga, "Closures");
  await enter(olga, "Remove");
  await olga.getByText("Nothing is closed").waitFor();
  await arrivedAt(olga, "Closures");
});

test("a tariff is written and published with the keyboard alone", async () => {
  const lot = await makeLot("Pier", 2);
  const olga = await operator("tariffs", { lotId: lot.lotId });
  await olga.getByLabel("Price of a started step").waitFor();
  await choose(olga, "Step", /^15 min/);
  await fill(olga, "Price of a started step", "1,20");
  await enter(olga, "Add a rate");
  await everyStop(olga, "operator, a tariff");
  await enter(olga, "Remove this rate");
  await arrivedAt(olga, "Tariffs");
  await choose(olga, "What is billed", /^the booked window/);
  await tabTo(olga, "Publish", "button");
  await dialogKeeps(olga, "Publish");
  await enter(olga, "Publish", "dialog button");
  await olga.getByText("Version 2").first().waitFor();
});

test("money is given back with the keyboard alone", async () => {
  const lot = await makeLot("Bridge", 2);
  const made = await booked(lot, "berta", 0);
  const bookings = client("booking.v1.BookingService", "berta");
  await bookings.checkIn({ requestId: randomUUID(), key: { case: "bookingId", value: made.bookingId } });
  await bookings.endSession({ requestId: randomUUID(), bookingId: made.bookingId });
  const olga = await operator("bookings", { lotId: lot.lotId });
  await arrivedAt(olga, "Bookings");
  await choose(olga, "State", /^completed/);
  await olga.getByRole("link", { name: made.code }).waitFor();
  await enter(olga, made.code);
  await arrivedAt(olga, `Booking ${made.code}`);
  await olga.getByRole("button", { name: "Refund" }).waitFor();
  await everyStop(olga, "operator, a booking that is paid");
  await tabTo(olga, "Refund", "button");
  await dialogKeeps(olga, "Give money back");
  await fill(olga, "Amount", "1.00");
  await olga.keyboard.press("Enter");
  await olga.getByRole("dialog").waitFor({ state: "detached" });
  await enter(olga, "Ledger", "summary");
  await olga
    .getByRole("cell", { name: /^operator:/ })
    .first()
    .waitFor();
});

test("a file is chosen and brought in, and a lot made, with the keyboard alone", async () => {
  const lot = await makeLot("Granary", 1);
  const olga = await operator("import", { lotId: lot.lotId });
  await arrivedAt(olga, "Import");
  // Asked for long before the key is pressed: the browser has to know by then that we answer, and no window of its own.
  const chooser = olga.waitForEvent("filechooser");
  await tabTo(olga, /^Choose a CSV file/, "input");
  await olga.keyboard.press("Enter");
  await (
    await chooser
  ).setFiles({
    name: "granary.csv",
    mimeType: "text/csv",
    buffer: Buffer.from("floor_number,floor_name,spot_number,plan_x,plan_y\n1,Upper,A1,0,0\n1,Upper,A2,3,0"),
  });
  await olga.getByText("The file is in order").waitFor();
  await everyStop(olga, "operator, a file in order");
  await enter(olga, "Import 2 spots");
  await enter(olga, "Show them on the map");
  await arrivedAt(olga, "Live map");

  await enter(olga, "New lot");
  await arrivedAt(olga, "New lot");
  await fill(olga, "Name", "Windmill");
  await fill(olga, "Latitude", "53.5");
  await fill(olga, "Longitude", "10");
  await fill(olga, "Price of a started hour", "3");
  await olga.keyboard.press("Enter");
  await arrivedAt(olga, "Import");
});
