// The cases of cases.mjs for every client, in Chromium, by a page of another origin than the gateway's.
//   node chromium.mjs <gateway URL> <token> <descriptor set file> <origin>
// `origin` is http://127.0.0.1:<port>, where this listens, and which the gateway admits. Prints what matrix.mjs prints. The browser is
// PARKMESH_TEST_CHROMIUM, as `cargo xtask test` sets it, or the one of the machine.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { rolldown } from "rolldown";
import { outcomeOf, same } from "./cases.mjs";

const [gateway, token, file, origin] = process.argv.slice(2);
const options = { gateway, token, descriptors: readFileSync(file).toString("base64") };
const { port } = new URL(origin);
/** The same page from an origin that nobody admits. */
const stranger = `http://localhost:${port}`;

async function script() {
  const bundle = await rolldown({ input: "page.mjs", platform: "browser" });
  const { output } = await bundle.generate({ format: "iife" });
  return output[0].code;
}

function serve(code) {
  const html = '<!doctype html><meta charset="utf-8"><title>clients</title><link rel="icon" href="data:,"><script src="/page.js"></script>';
  const server = createServer((request, response) => {
    const [type, text] = request.url === "/page.js" ? ["text/javascript", code] : ["text/html", html];
    response.writeHead(200, { "content-type": type }).end(text);
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

function launch() {
  const lines = (process.env["PARKMESH_TEST_CHROMIUM_ENV"] ?? "").split("\n").filter(Boolean);
  const own = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  return chromium.launch({
    executablePath: process.env["PARKMESH_TEST_CHROMIUM"] || "/usr/bin/chromium",
    // A container's root has no sandbox, and its shared memory is small.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    env: { ...process.env, ...own },
  });
}

/** A page of a browser of its own, which remembers no preflight of another; with what was asked before its calls. */
async function open(browser, at) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const preflights = [];
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  cdp.on("Network.responseReceived", ({ type, response }) => type === "Preflight" && preflights.push(response.status));
  await page.goto(at);
  return { context, page, preflights };
}

/** What was answered to preflights; the browser tells of one beside the call that waited for it, and sometimes after. */
async function answersTo(preflights) {
  for (let looks = 0; preflights.length === 0 && looks < 100; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return preflights;
}

/** The browser has asked before it called, and was told no when it should be. */
async function preflight(browser, way, preflights) {
  const answers = await answersTo(preflights);
  same("whether the browser asked", answers.length > 0, true);
  same("answers", answers.filter((status) => status !== 204), []);
  const other = await open(browser, stranger);
  const told = await other.page.evaluate(([way, options]) => globalThis.once(way, options), [way, options]);
  same("answers to a stranger's page", [told.messages, told.code === 0], [0, false]);
  same("what its browser was told", await answersTo(other.preflights), [403]);
  await other.context.close();
}

const [server, browser] = [await serve(await script()), await launch()];
const first = await open(browser, origin);
const ways = await first.page.evaluate(() => globalThis.ways);
await first.context.close();
const outcomes = [];
for (let way = 0; way < ways; way += 1) {
  const { context, page, preflights } = await open(browser, origin);
  const found = await page.evaluate(([way, options]) => globalThis.outcomes(way, options), [way, options]);
  outcomes.push(...found);
  const adapter = { name: found[0].client, format: found[0].format };
  outcomes.push(await outcomeOf(adapter, "cors_preflight", () => preflight(browser, way, preflights)));
  await context.close();
}
await browser.close();
server.close();
console.log(JSON.stringify(outcomes));
process.exit(0);
