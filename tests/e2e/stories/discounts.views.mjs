import { test } from "node:test";
import { accessible, person } from "../support/browser.mjs";
import { chooseSpot, pass, pay, reserve } from "../support/driver.mjs";
import { operator } from "../support/operator.mjs";
import { makeLot } from "../support/system.mjs";

test("a driver pays less with a code, and a merchant takes some of the rest over", async () => {
  const lot = await makeLot("Bazaar", 2);
  const olga = await operator("discounts", { lotId: lot.lotId });
  await olga.getByText("There are none yet.").waitFor();
  await olga.getByRole("button", { name: "New discount" }).click();
  const dialog = olga.getByRole("dialog");
  await accessible(olga, "operator, a new discount");
  const make = () => dialog.getByRole("button", { name: "New discount" }).click();
  await make();
  await dialog.getByText("3 to 32 letters from A to Z").waitFor();
  await dialog.getByLabel("Code", { exact: true }).fill("bazaar-20");
  await dialog.getByLabel("Share in percent").fill("20");
  await make();
  await olga.getByRole("rowheader", { name: "BAZAAR-20" }).waitFor();
  await olga.getByRole("button", { name: "New discount" }).click();
  await dialog.getByRole("radio", { name: "Merchant" }).check({ force: true });
  await dialog.getByLabel("Name of the merchant").fill("Café Anna");
  await dialog.getByRole("radio", { name: "an amount" }).check({ force: true });
  await dialog.getByLabel("Amount", { exact: true }).fill("0.50");
  await make();
  await olga.getByRole("rowheader", { name: "Café Anna" }).waitFor();

  const sam = await person("driver", `/lots/${lot.lotId}`);
  await chooseSpot(sam);
  await reserve(sam);
  await sam.getByRole("button", { name: "Have a code?" }).click();
  await sam.getByLabel("Promo code").fill("nonsense");
  await sam.getByRole("button", { name: "Use the code" }).click();
  await sam.getByText("This code does not hold here.").waitFor();
  await accessible(sam, "a code that does not hold");
  await sam.getByLabel("Promo code").fill("Bazaar-20");
  await sam.getByRole("button", { name: "Use the code" }).click();
  await sam.getByText("Promo code BAZAAR-20").waitFor();
  await pay(sam);
  await pass(sam);

  const [, bookingId] = /\/bookings\/([^/?#]+)/.exec(sam.url());
  const otto = await operator(`bookings/${bookingId}`, { lotId: lot.lotId });
  await otto.getByText("Promo code BAZAAR-20").waitFor();
  await otto.getByRole("button", { name: "Validate" }).click();
  const validating = otto.getByRole("dialog");
  await validating.getByLabel("Merchant").waitFor();
  await accessible(otto, "operator, validating");
  await validating.getByRole("button", { name: "Validate" }).click();
  await otto.getByText("Parking validated by Café Anna").waitFor();

  await olga
    .getByRole("row", { name: /BAZAAR-20/ })
    .getByRole("button", { name: "End" })
    .click();
  await olga.getByRole("row", { name: /BAZAAR-20.*ended on/ }).waitFor();
});
