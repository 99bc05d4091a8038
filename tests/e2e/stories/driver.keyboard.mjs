import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, person } from "../support/browser.mjs";
import { pass } from "../support/driver.mjs";
import { makeLot } from "../support/system.mjs";

const TABS_MAX = 60;

/** Goes on by Tab until the focus is on something of that name. */
async function tabTo(page, name) {
  for (let count = 0; count < TABS_MAX; count += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const node = document.activeElement;
      return `${node?.getAttribute("aria-label") ?? ""} ${node?.textContent ?? ""}`;
    });
    if (name.test(here)) return;
  }
  assert.fail(`Tab does not lead to ${name}`);
}

test("a driver reserves a certain spot with the keyboard alone", async () => {
  await makeLot("Court", 8);
  const mia = await person("mia", "/", {
    viewport: { width: 1280, height: 900 },
  });
  await mia.locator("[data-lot]").first().waitFor();
  await tabTo(mia, /Court/);
  await mia.keyboard.press("Enter");
  await mia.locator('[data-look="free"]').first().waitFor();
  await tabTo(mia, /^Plan of/);
  await mia.keyboard.press("ArrowRight");
  for (let step = 0; (await mia.locator('[data-look="chosen"]').count()) === 0; step += 1) {
    assert.ok(step < TABS_MAX, "the arrow keys find no free spot");
    const free = await mia.locator('.active[data-look="free"]').count();
    await mia.keyboard.press(free > 0 ? "Enter" : "ArrowRight");
  }
  const number = await mia.locator('[data-look="chosen"]').getAttribute("data-number");
  await accessible(mia, "a spot that is chosen");
  await tabTo(mia, /Reserve/);
  await mia.keyboard.press("Enter");
  await mia.waitForURL(/bookings/);
  await mia.getByRole("timer").waitFor();
  await tabTo(mia, /and reserve/);
  await mia.keyboard.press("Enter");
  await pass(mia);
  await mia.getByText(`Spot ${number}`).first().waitFor();
});

test("vehicles, cards, mail and the look of the app are chosen, and stay", async () => {
  const nora = await person("nora", "/me");
  await nora.getByLabel("Plate").fill("b-pm 123");
  await nora.getByRole("button", { name: "Add", exact: true }).click();
  await nora.getByRole("radio", { name: "B-PM 123" }).waitFor();
  await nora.getByLabel("Mail address").fill("nora@example.org");
  await nora.getByRole("button", { name: "Save" }).click();
  await nora.getByText("Saved.").waitFor();
  await nora.getByRole("button", { name: "Add card" }).click();
  await nora.getByText("4242").waitFor();
  await nora.getByRole("radio", { name: "Dark" }).check({ force: true });
  await nora.getByRole("radio", { name: "Deutsch" }).check({ force: true });
  await accessible(nora, "you, dark and in German");
  await nora.reload();
  await nora.getByRole("heading", { name: "Sie", exact: true }).waitFor();
  assert.equal(await nora.getByLabel("E-Mail-Adresse").inputValue(), "nora@example.org");
  assert.ok(await nora.getByRole("radio", { name: "B-PM 123" }).isChecked());
});
