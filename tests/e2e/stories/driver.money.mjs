import { test } from "node:test";
import { accessible, person } from "../support/browser.mjs";
import { openLot, pass, pay, reserve } from "../support/driver.mjs";
import { makeLot } from "../support/system.mjs";

test("a bank that asks first is answered on its own page, and the booking goes on by itself", async () => {
  await makeLot("Market", 2);
  const olga = await person("olga-d");
  await openLot(olga, "Market");
  await reserve(olga);
  await pay(olga, "pm_card_action_ok");
  const link = olga.getByRole("link", { name: "Go to your bank" });
  await link.waitFor();
  await accessible(olga, "the bank asks");
  const [bank] = await Promise.all([olga.context().waitForEvent("page"), link.click()]);
  await bank.getByRole("button", { name: "Accept" }).click();
  await pass(olga);
});

test("a bank that says no leaves the spot to its driver, who takes another card", async () => {
  await makeLot("Harbour", 2);
  const paul = await person("paul");
  await openLot(paul, "Harbour");
  await reserve(paul);
  await pay(paul, "pm_card_action_fails");
  const link = paul.getByRole("link", { name: "Go to your bank" });
  await link.waitFor();
  const [bank] = await Promise.all([paul.context().waitForEvent("page"), link.click()]);
  await bank.getByRole("button", { name: "Accept" }).click();
  await paul.getByText("Your bank did not allow the payment.").waitFor();
  await accessible(paul, "the bank refuses");
  await pay(paul, "pm_card_ok");
  await pass(paul);
});

test("what a card does not pay in the end is paid with another one", async () => {
  await makeLot("Quay", 2);
  const quinn = await person("quinn");
  await openLot(quinn, "Quay");
  await reserve(quinn);
  await pay(quinn, "pm_card_capture_fails");
  await pass(quinn);
  await quinn.getByRole("button", { name: "I have arrived" }).click();
  await quinn.getByRole("button", { name: "I am leaving" }).click();
  await quinn.getByRole("button", { name: "Yes, end it" }).click();
  await quinn.getByText("is still owed").waitFor();
  await accessible(quinn, "a debt");
  const other = quinn.getByRole("radio", { name: "New card" });
  if ((await other.count()) > 0) await other.check({ force: true });
  await quinn.getByLabel("Test card").selectOption("pm_card_mastercard");
  await quinn.getByRole("button", { name: /^Pay / }).click();
  await quinn.getByText("is still owed").waitFor({ state: "detached" });
  await quinn.locator("section", { hasText: "Receipt" }).getByText("Number").waitFor();
});
