// Somebody who has a keyboard and nothing else: goes by Tab, chooses by arrows, acts by Enter, leaves by Escape.

import assert from "node:assert/strict";

/** More stops than any view has: whoever has not come round by then goes round a part of it. */
const STOPS_MAX = 600;

/** In the page: what is used here. */
function tools() {
  const OPERATED =
    "a[href], button, input, select, textarea, summary, iframe, audio[controls], video[controls], [contenteditable], [tabindex]";
  const shown = (node) =>
    node.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) &&
    node.getClientRects().length > 0;
  /** What is in front: the dialog that is open, else the page. */
  const front = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const nameOf = (node) => {
    const labels = [...(node.labels ?? [])].map((one) => one.textContent);
    const told = [node.getAttribute("aria-label"), ...labels, node.textContent, node.placeholder, node.title];
    const name = told.find((one) => one?.trim()) ?? "";
    return name.replace(/\s+/g, " ").trim();
  };
  const told = (node) => `${node.tagName.toLowerCase()} "${nameOf(node).slice(0, 60)}"`;
  const isStop = (node) => {
    if (!shown(node) || node.matches(":disabled, [tabindex='-1']") || node.closest("[inert]")) return false;
    if (node.type !== "radio") return true;
    // Of a group Tab goes to the one that is chosen; where none is, to any.
    const group = [...document.getElementsByName(node.name)].filter((one) => !one.disabled);
    const chosen = group.find((one) => one.checked);
    return chosen === undefined ? node === group[0] : node === chosen;
  };
  const stops = () => [...front().querySelectorAll(OPERATED)].filter(isStop);
  /** Whether somebody who looks sees that the focus is here: it, what stands for it, or its frame has an outline. */
  const isSeen = (node) =>
    [node, node.nextElementSibling, node.parentElement].some((one) => {
      const { outlineStyle, outlineWidth } = one ? getComputedStyle(one) : {};
      return one && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    });
  /** Whether at least a part of it lies on the screen with nothing above it (WCAG 2.4.11). */
  const isBare = (node) => {
    const labels = [...(node.labels ?? [])];
    const mine = (one) =>
      one && (node.contains(one) || one.contains(node) || labels.some((label) => label.contains(one)));
    const { left, top, width, height } = node.getBoundingClientRect();
    const shares = [0.1, 0.5, 0.9];
    return shares.some((x) =>
      shares.some((y) => mine(document.elementFromPoint(left + width * x, top + height * y))),
    );
  };
  /** What looks as if it could be clicked, and that no key can reach: neither itself, nor what it stands for. */
  const unreachable = () => {
    const points = (node) => getComputedStyle(node).cursor === "pointer";
    const served = (node) =>
      node.matches(`${OPERATED}, option`) ||
      node.closest(OPERATED) !== null ||
      node.closest("label")?.control != null ||
      node.querySelector(OPERATED) !== null;
    return [...front().querySelectorAll("*")]
      .filter((node) => shown(node) && points(node) && !served(node))
      .map(told);
  };
  return { stops, told, nameOf, isSeen, isBare, unreachable };
}

async function prepare(page) {
  await page.evaluate(`window.keys ??= (${tools})()`);
}

/** What has the focus: its name, as a screen reader would say it. */
export async function focused(page) {
  await prepare(page);
  return page.evaluate(() => window.keys.nameOf(document.activeElement));
}

/** Goes on by Tab until the focus is on something of that name, and of that kind where one is said. */
export async function tabTo(page, name, selector = "*") {
  await prepare(page);
  const passed = [];
  for (let count = 0; count < STOPS_MAX; count += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(
      (wanted) => document.activeElement.matches(wanted) && window.keys.nameOf(document.activeElement),
      selector,
    );
    passed.push(here);
    if (here !== false && (typeof name === "string" ? here === name : name.test(here))) return;
  }
  assert.fail(`Tab does not lead to ${name}: ${[...new Set(passed)].join(", ")}`);
}

/** Goes there and acts. */
export async function enter(page, name, selector = "a, button, summary") {
  await tabTo(page, name, selector);
  await page.keyboard.press("Enter");
}

/** Goes there and types, in place of what stands there. */
export async function fill(page, name, text) {
  await tabTo(page, name, "input");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

/** Goes there and types a time of day; some browsers ask for it in two halves of a day. */
export async function fillTime(page, name, time) {
  await tabTo(page, name, "input");
  const typed = async (keys) => {
    await page.keyboard.type(keys);
    return page.evaluate(() => document.activeElement.value);
  };
  const [hours, minutes] = time.split(":");
  if ((await typed(`${hours}${minutes}`)) === time) return;
  for (let part = 0; part < 3; part += 1) await page.keyboard.press("ArrowLeft");
  const half = String(Number(hours) % 12 || 12).padStart(2, "0");
  assert.equal(await typed(`${half}${minutes}${Number(hours) < 12 ? "A" : "P"}`), time);
}

/** Chooses one of a group, or of a list, by the arrow keys. */
export async function choose(page, group, option) {
  await prepare(page);
  const inGroup = () =>
    page.evaluate((wanted) => {
      const node = document.activeElement;
      const legend = node.closest("fieldset")?.querySelector("legend")?.textContent.trim();
      return (node.type === "radio" && legend === wanted) || window.keys.nameOf(node) === wanted;
    }, group);
  for (let count = 0; !(await inGroup()); count += 1) {
    assert.ok(count < STOPS_MAX, `Tab does not lead to ${group}`);
    await page.keyboard.press("Tab");
  }
  const chosen = () =>
    page.evaluate(() => {
      const node = document.activeElement;
      return node.matches("select") ? node.selectedOptions[0].label : window.keys.nameOf(node);
    });
  // A list has an end, at which the arrows stop; a group goes round.
  if (await page.evaluate(() => document.activeElement.matches("select"))) await page.keyboard.press("Home");
  for (let count = 0; !option.test(await chosen()); count += 1) {
    assert.ok(count < STOPS_MAX, `the arrows do not lead to ${option} of ${group}`);
    await page.keyboard.press("ArrowDown");
  }
}

/** Fails unless Tab goes round everything that can be operated in what is in front, in its order, and is seen at each. */
export async function everyStop(page, view) {
  await prepare(page);
  const before = await page.evaluate(() => {
    const stops = window.keys.stops();
    window.keys.before = stops;
    window.keys.visited = [];
    return stops.map(window.keys.told);
  });
  assert.ok(before.length > 0, `${view} has nothing to operate`);
  for (let count = 0; ; count += 1) {
    assert.ok(count < STOPS_MAX, `${view}: Tab does not come round`);
    await page.keyboard.press("Tab");
    if (await page.evaluate(visit)) break;
  }
  const found = await page.evaluate(() => {
    const { before: stops, visited, unreachable, told } = window.keys;
    const seen = visited.map((one) => one.node);
    const places = stops.filter((node) => node.isConnected).map((node) => seen.indexOf(node));
    // It may have begun in the middle: the places go up, and fall once at most.
    const falls = places.filter((place, index) => index > 0 && place < places[index - 1]).length;
    return {
      missed: stops.filter((node, index) => node.isConnected && places[index] === -1).map(told),
      inOrder: falls <= 1,
      unseen: visited.filter((one) => !one.isSeen).map((one) => told(one.node)),
      covered: visited.filter((one) => !one.isBare).map((one) => told(one.node)),
      unreachable: unreachable(),
    };
  });
  assert.deepEqual(found.missed, [], `${view}: Tab passes over these`);
  assert.ok(found.inOrder, `${view}: Tab goes in another order than the eyes`);
  assert.deepEqual(found.unseen, [], `${view}: the focus is not seen on these`);
  assert.deepEqual(found.covered, [], `${view}: what has the focus lies behind something else`);
  assert.deepEqual(found.unreachable, [], `${view}: no key reaches these`);
}

/** In the page: notes where the focus is; true when it has been there before. */
function visit() {
  const { visited, isSeen, isBare } = window.keys;
  const node = document.activeElement;
  // Between the last stop and the first it is on the browser's own.
  if (node === document.body || node === visited.at(-1)?.node) return false;
  if (visited.some((one) => one.node === node)) return true;
  visited.push({ node, isSeen: isSeen(node), isBare: isBare(node) });
  return false;
}

/** Waits until the heading of a new view, whose name begins so, has the focus: whoever hears the page hears of it. */
export async function arrivedAt(page, heading) {
  await page.waitForFunction(
    (wanted) =>
      document.activeElement?.tagName === "H1" &&
      document.activeElement.textContent.trim().startsWith(wanted),
    heading,
  );
}

/** Opens a dialog by what has the focus, goes round in it, leaves it by Escape, and is back where it was opened; then opens it again. */
export async function dialogKeeps(page, title) {
  const opener = await focused(page);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: title });
  await dialog.waitFor();
  const inside = () => page.evaluate(() => document.activeElement.closest("dialog") !== null);
  assert.ok(await inside(), `${title}: the focus is not in the dialog`);
  await everyStop(page, title);
  assert.ok(await inside(), `${title}: Tab leads out of the dialog`);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(page), opener, `${title}: the focus is not given back`);
  await page.keyboard.press("Enter");
  await dialog.waitFor();
}
