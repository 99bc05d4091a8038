import { test } from "node:test";
import { accessible, person } from "../support/browser.mjs";
import { up } from "../support/system.mjs";

const VIEWS = {
  find: "/",
  lot: `/lots/${up.lot_id}`,
  bookings: "/bookings",
  messages: "/messages",
  me: "/me",
};
const SIZES = {
  phone: { locale: "en-GB" },
  desk: { locale: "de-DE", colorScheme: "dark", viewport: { width: 1280, height: 900 } },
};

for (const [size, options] of Object.entries(SIZES)) {
  test(`every view of the driver's is there for everybody, ${size}, ${options.locale}`, async () => {
    const page = await person("driver", "/", options);
    for (const [view, path] of Object.entries(VIEWS)) {
      await page.goto(path);
      await page.locator("h1").waitFor();
      await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
      await accessible(page, `driver, ${view}, ${size}`);
    }
  });
}
