import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { LOOKS, routed } from "../support/views.mjs";

const calls = readdirSync(new URL(".", import.meta.url))
  .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
  .flatMap((text) => [...text.matchAll(/accessible\(\w+, ([`"].+?[`"])\)/g)].map((one) => one[1]));

/** Whether a story looks at it: by its name, or by a pattern of names with one part left open. */
function looked(name) {
  const [face, view, size] = name.split(", ");
  const names = [`"${name}"`, `\`${face}, \${view}, ${size}\``, `\`${face}, \${view}, \${size}\``];
  return names.some((text) => calls.includes(text));
}

test("every view that a router knows is looked at by axe in a story", () => {
  for (const [face, views] of Object.entries(routed())) {
    assert.deepEqual(Object.keys(LOOKS[face]).toSorted(), views.toSorted(), `the views of ${face}`);
    for (const [view, look] of Object.entries(LOOKS[face])) {
      assert.ok(looked(look), `no story looks at ${face} ${view} ("${look}")`);
    }
  }
});
