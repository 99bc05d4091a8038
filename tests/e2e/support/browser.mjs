// Chromium, people in front of it, and the judge of what they see.

import axe from "axe-core";
import { join } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import { token, up, variable } from "./system.mjs";

/** The success criteria of WCAG 2.2, levels A and AA, and what axe calls good practice. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const PHONE = { width: 390, height: 844 };
/** How long anything may take to appear: the machine has two slow cores, and a whole system to run beside. */
const WAIT_MS = 30_000;

let browser;

before(async () => {
  const lines = (process.env["PARKMESH_TEST_CHROMIUM_ENV"] ?? "").split("\n").filter(Boolean);
  const own = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  browser = await chromium.launch({
    executablePath: variable("PARKMESH_TEST_CHROMIUM"),
    // A container's root has no sandbox, and its shared memory is small.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    env: { ...process.env, ...own },
  });
});

after(() => browser?.close());

/** A person with a browser of their own, signed in by a token, in front of a view; `before` is done with the page while it is empty. */
export async function person(who, path = "/", { before: prepare, ...options } = {}) {
  const context = await browser.newContext({
    viewport: PHONE,
    baseURL: up.gateway,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    ...options,
  });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await prepare?.(page);
  await page.goto(`${path}#token=${options.token ?? up.tokens[who] ?? token(who)}`);
  return Object.assign(page, { errors });
}

/** Fails when the page breaks a rule that a machine can check, or a script of it has failed. Takes a picture of it, where those are wanted. */
export async function accessible(page, view) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate((rules) => window.axe.run({ runOnly: rules }), RULES);
  const told = violations.map(
    (one) => `${one.id} (${one.help}): ${one.nodes.map((node) => node.html).join(" | ")}`,
  );
  if (told.length > 0) throw new Error(`${view} breaks rules:\n${told.join("\n")}`);
  const pictures = process.env["PARKMESH_STORIES_PICTURES"];
  if (pictures)
    await page.screenshot({
      path: join(pictures, `${view.replace(/[^a-z0-9]+/gi, "-")}.png`),
    });
  if (page.errors.length > 0) throw new Error(`${view}: ${page.errors.join("; ")}`);
}

/** Waits until the page is at an address. */
export function at(page, pattern) {
  return page.waitForURL(pattern, { timeout: WAIT_MS });
}
