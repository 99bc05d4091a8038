import assert from "node:assert/strict";
import { test } from "node:test";
import { randomUUID } from "node:crypto";
import { accessible } from "../support/browser.mjs";
import { card, kiosk, tapCode, ticket, walkIn } from "../support/kiosk.mjs";
import { VIEWS, bay, live, operator, settled, vacate } from "../support/operator.mjs";
import { client, kill, makeLot, now, sensorSays, timestamp, token, up } from "../support/system.mjs";

const HOUR_MS = 3_600_000;

test("every view is there for everybody, light and dark, at a desk and on a tablet, in both languages", async () => {
  const olga = await operator("map");
  await live(olga);
  for (const [view, name] of Object.entries(VIEWS)) {
    await olga.getByRole("link", { name, exact: true }).click();
    await olga.getByRole("heading", { name, level: 1, exact: true }).waitFor();
    await settled(olga);
    await accessible(olga, `operator, ${view}, desk`);
  }
  await olga.setViewportSize({ width: 820, height: 1180 });
  await olga.emulateMedia({ colorScheme: "dark" });
  await olga.getByLabel("Language").selectOption("de");
  for (const view of Object.keys(VIEWS)) {
    await olga.locator(`nav a[href$="/${view}"]`).click();
    await olga.locator(`nav a[href$="/${view}"][aria-current="page"]`).waitFor();
    await settled(olga);
    await accessible(olga, `operator, ${view}, tablet`);
  }
});

test("a gateway that restarts while an operator watches is told, and the map goes on with what happened meanwhile", async () => {
  const olga = await operator("map");
  await live(olga);
  await vacate(olga, "0-170");
  kill("gateway");
  await olga.getByText("Not live just now").waitFor();
  await accessible(olga, "operator, not live");
  await sensorSays("0-170", true);
  await live(olga);
  await bay(olga, "0-170", "occupied").waitFor();
});

test("a token that ends is told, and signing in again goes on at the same spot", async () => {
  const short = token("olga", { role: "operator", like: "operator", seconds: 25 });
  const olga = await operator("map", { token: short });
  await live(olga);
  await bay(olga, "0-002").click();
  await olga.getByRole("heading", { name: "Your sign-in has ended" }).waitFor();
  await accessible(olga, "operator, an ended sign-in");
  await olga.getByLabel("Token").fill(token("olga", { role: "operator", like: "operator" }));
  await olga.getByRole("button", { name: "Sign in" }).click();
  await live(olga);
  await olga.getByRole("region", { name: "Spot 0-002" }).waitFor();
});

test("the map is walked with the keyboard alone", async () => {
  const olga = await operator("map");
  await live(olga);
  const plan = olga.getByRole("application");
  await plan.focus();
  await olga.keyboard.press("Home");
  const said = olga.locator("main > [role=status].hidden");
  await said.getByText("0-001").waitFor({ state: "attached" });
  // The plan lies turned on a wide screen: a row runs down.
  await olga.keyboard.press("ArrowDown");
  await said.getByText("0-002").waitFor({ state: "attached" });
  await olga.keyboard.press("ArrowRight");
  await said.getByText("0-022").waitFor({ state: "attached" });
  await olga.keyboard.press("+");
  await olga.keyboard.press("0");
  await olga.keyboard.press("Tab");
  await accessible(olga, "operator, the map by keyboard");
});

test("a file with mistakes is told all of them and makes nothing; mended, it makes the lot", async () => {
  const lot = await makeLot("Annex", 1);
  const olga = await operator("import", { lotId: lot.lotId });
  const head = "floor_number,floor_name,spot_number,spot_type,plan_x,plan_y";
  const choose = (rows) =>
    olga.getByLabel("Choose a CSV file").setInputFiles({
      name: "annex.csv",
      mimeType: "text/csv",
      buffer: Buffer.from([head, ...rows].join("\n")),
    });
  await choose([
    "1,Upper,A1,regular,0,0",
    "1,Upper,A1,ev,2.5,0",
    "1,Other,A2,boat,x,0",
    ",Upper,,regular,5,0",
    "0,Ground,1,regular,9,9",
  ]);
  await olga.getByText("There are 7 mistakes.").waitFor();
  for (const told of [
    "Spot A1 is in line 2 already.",
    "“boat” is no type of spot.",
    "“x” is no number.",
    "The lot has a spot 1 already.",
  ]) {
    await olga.getByText(told).waitFor();
  }
  await accessible(olga, "operator, a file with mistakes");
  await choose(["1,Upper,A1,regular,0,0", "1,Upper,A2,ev,2.5,0", "2,Roof,B1,accessible,0,0"]);
  await olga.getByText("The file is in order: 3 spots on 2 floors.").waitFor();
  await accessible(olga, "operator, a file in order");
  await olga.getByRole("button", { name: "Import 3 spots" }).click();
  await olga.getByText("Done: 3 spots, 2 new floors.").waitFor();
  await olga.getByRole("link", { name: "Show them on the map" }).click();
  await olga.getByRole("button", { name: /^Upper/ }).click();
  await bay(olga, "A2").waitFor();
});

test("a lot is made from nothing", async () => {
  const olga = await operator("map");
  await olga.getByRole("link", { name: "New lot" }).click();
  await olga.getByRole("button", { name: "Make the lot" }).click();
  await olga.getByText("This is needed.").first().waitFor();
  await accessible(olga, "operator, a new lot");
  await olga.getByLabel("Name").fill("Harbour");
  await olga.getByLabel("Latitude").fill("53,54");
  await olga.getByLabel("Longitude").fill("9.99");
  await olga.getByLabel("Price of a started hour").fill("3,20");
  await olga.getByRole("button", { name: "Make the lot" }).click();
  await olga.getByRole("heading", { name: "Import" }).waitFor();
  await olga.getByLabel("Lot", { exact: true }).getByText("Harbour").first().waitFor({ state: "attached" });
});

test("a tariff is previewed, published, and costs what the preview said", async () => {
  const lot = await makeLot("Meter", 2);
  const olga = await operator("tariffs", { lotId: lot.lotId });
  await olga.getByLabel("Price of a started step").fill("1,20");
  await olga.getByLabel("Step", { exact: true }).selectOption("15");
  await olga.getByLabel("Free minutes", { exact: true }).fill("10");
  await olga.getByLabel("At most a day").fill("20");
  await olga.getByRole("button", { name: "Add a rate" }).click();
  await olga.getByLabel("Until", { exact: true }).fill("07:00");
  await olga.getByRole("button", { name: "Publish" }).click();
  await olga.getByText("Must be later").waitFor();
  await olga.getByLabel("Until", { exact: true }).fill("20:00");
  await olga.getByLabel("Price of a step", { exact: true }).fill("2.00");
  await accessible(olga, "operator, a tariff");
  const cells = () =>
    olga
      .locator("tr[data-hours]")
      .evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim())));
  const then = (await cells()).map(([, , price]) => price);
  await olga.getByRole("button", { name: "Publish" }).click();
  await accessible(olga, "operator, sure about a tariff?");
  await olga.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
  await olga.getByText("Version 2").first().waitFor();
  await olga.waitForFunction(
    (prices) =>
      [...document.querySelectorAll("tr[data-hours]")].every(
        (row, index) => row.cells[1].textContent.trim() === prices[index],
      ),
    then,
  );
  assert.deepEqual(
    (await cells()).map(([, , price]) => price),
    then.map(() => "the same"),
  );
});

test("a closure tells which bookings it meets, cancels them where asked, and stands in the audit", async () => {
  const lot = await makeLot("Gatehouse", 2);
  const booking = client("booking.v1.BookingService", "sam");
  const { booking: met } = await booking.createBooking({
    requestId: randomUUID(),
    choice: { case: "pool", value: { lotId: lot.lotId, spotType: 1 } },
    window: { startTime: timestamp(now() + 3 * HOUR_MS), endTime: timestamp(now() + 4 * HOUR_MS) },
    paymentMethod: "pm_card_ok",
  });
  const olga = await operator("closures", { lotId: lot.lotId });
  await olga.getByRole("button", { name: "Close", exact: true }).click();
  const dialog = olga.getByRole("dialog");
  await accessible(olga, "operator, a new closure");
  await dialog.getByRole("button", { name: "Close", exact: true }).last().click();
  await dialog.getByText("This is needed.").waitFor();
  await dialog.getByLabel("Why, for people").fill("Cleaning");
  await dialog.getByRole("radio", { name: /are cancelled/ }).check({ force: true });
  await dialog.getByRole("button", { name: "Close", exact: true }).last().click();
  await olga.getByText("It meets 1 bookings").waitFor();
  await olga.getByRole("link", { name: met.spotNumber, exact: true }).click();
  await olga.getByRole("heading", { name: `Booking ${met.code}` }).waitFor();
  await olga.getByText("cancelled").first().waitFor();
  await accessible(olga, "operator, a booking");
  await olga.getByRole("link", { name: "Audit" }).click();
  await olga.getByText("CreateClosure").waitFor();
  await olga.getByRole("link", { name: "Closures" }).click();
  await olga.getByRole("button", { name: "Remove" }).click();
  await olga.getByText("Nothing is closed").waitFor();
});

test("what a car paid at the kiosk is given back", async () => {
  const page = await kiosk();
  await walkIn(page);
  await card(page);
  const code = await ticket(page);
  await page.getByRole("button", { name: /^Done/ }).click();
  await page.getByRole("button", { name: "Pay and leave" }).click();
  await tapCode(page, code);
  await page.getByRole("button", { name: "End parking and pay" }).click();
  await page.getByText(/^Receipt /).waitFor();

  const olga = await operator("bookings?state=4");
  await olga.getByRole("link", { name: code }).click();
  await olga.getByRole("button", { name: "Refund" }).click();
  const dialog = olga.getByRole("dialog");
  await dialog.getByLabel("Amount").fill("9999");
  await dialog.getByRole("button", { name: "Refund" }).click();
  await dialog.locator('[data-reason="AMOUNT_ABOVE_CAPTURED"]').waitFor();
  await accessible(olga, "operator, a refund");
  await dialog.getByLabel("Amount").fill("1.00");
  await dialog.getByLabel("Reason").fill("A friendly word");
  await dialog.getByRole("button", { name: "Refund" }).click();
  await olga.getByText("A friendly word").waitFor();
  await olga.getByText("Ledger").click();
  await olga
    .getByRole("cell", { name: /^operator:/ })
    .first()
    .waitFor();
  await accessible(olga, "operator, money");
});

test("a wrong spot that is claimed is seen by the operator as it happens", async () => {
  const booking = client("booking.v1.BookingService", "tina");
  const { booking: made } = await booking.createBooking({
    requestId: randomUUID(),
    choice: { case: "pool", value: { lotId: up.lot_id, spotType: 1 } },
    window: { startTime: timestamp(now()), endTime: timestamp(now() + HOUR_MS) },
    paymentMethod: "pm_card_ok",
  });
  const olga = await operator(`bookings/${made.bookingId}`);
  await olga.getByText("reserved").first().waitFor();
  const elsewhere = "1-190";
  await sensorSays(elsewhere, true);
  const spots = client("availability.v1.AvailabilityService", "tina");
  const { spots: states } = await spots.listSpotStates({ lotId: made.lotId });
  const spotId = states.find((spot) => spot.spotNumber === elsewhere).spotId;
  await booking.claimSpot({ requestId: randomUUID(), bookingId: made.bookingId, spotId });
  await olga.getByRole("link", { name: elsewhere }).first().waitFor();
  await olga.getByText("parked", { exact: true }).waitFor();
  await olga.getByRole("link", { name: elsewhere }).first().click();
  await live(olga);
  await bay(olga, elsewhere, "occupied").waitFor();
});
