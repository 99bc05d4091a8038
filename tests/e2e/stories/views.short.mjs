import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { LOOKS, pictureOf, routed } from "../support/views.mjs";

const calls = readdirSync(new URL(".", import.meta.url))
  .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
  .flatMap((text) => [...text.matchAll(/accessible\(\w+, ([`"].+?[`"])\)/g)].map((one) => one[1]));

/** Whether a story looks at it: by its name, or by a pattern of names with one part left open. */
function looked(name) {
  const [face, view, size] = name.split(", ");
  const names = [`"${name}"`, `\`${face}, \${view}, ${size}\``, `\`${face}, \${view}, \${size}\``];
  return names.some((text) => calls.includes(text));
}

test("every view that a router knows is looked at by axe in a story, and has a picture in docs/app that its index shows", () => {
  const folder = new URL("../../../docs/app/", import.meta.url);
  const index = readFileSync(new URL("README.md", folder), "utf8");
  for (const [face, views] of Object.entries(routed())) {
    assert.deepEqual(Object.keys(LOOKS[face]).toSorted(), views.toSorted(), `the views of ${face}`);
    for (const [view, look] of Object.entries(LOOKS[face])) {
      assert.ok(looked(look), `no story looks at ${face} ${view} ("${look}")`);
      assert.ok(existsSync(new URL(pictureOf(look), folder)), `docs/app has no ${pictureOf(look)}`);
      assert.ok(
        index.includes(`(${pictureOf(look)})`),
        `docs/app/README.md does not show ${pictureOf(look)}`,
      );
    }
  }
});
