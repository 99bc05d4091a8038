// After the last story: an index of the pictures that were taken, by face.

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { variable } from "./support/system.mjs";

const folder = variable("PARKMESH_STORIES_PICTURES");
const COLUMNS = 3;
/** Pictures older than the newest by this much are of an earlier run, and of a view that is no more. */
const RUN_MS = 30 * 60_000;

const taken = (name) => statSync(join(folder, name)).mtimeMs;
const all = readdirSync(folder).filter((name) => /\.webp$/.test(name));
const newest = Math.max(...all.map(taken));
for (const name of all.filter((one) => newest - taken(one) > RUN_MS)) rmSync(join(folder, name));
const names = all.filter((name) => newest - taken(name) <= RUN_MS).toSorted();

const faceOf = (name) => /^(kiosk|operator)-/.exec(name)?.[1] ?? "driver";
const words = (name) =>
  name
    .replace(/\.webp$/, "")
    .replace(/^(kiosk|operator|driver)-/, "")
    .replaceAll("-", " ");
const cell = (name) => `![${words(name)}](${name})<br>${words(name)}`;
const lines = [
  "# The views of the app",
  "",
  "`cargo xtask prove app` takes these pictures while it plays the stories, and writes this page.",
  "",
];
for (const face of ["driver", "kiosk", "operator"]) {
  const own = names.filter((name) => faceOf(name) === face);
  lines.push(
    `## ${face[0].toUpperCase()}${face.slice(1)}`,
    "",
    `|${"   |".repeat(COLUMNS)}`,
    `|${" - |".repeat(COLUMNS)}`,
  );
  for (let at = 0; at < own.length; at += COLUMNS)
    lines.push(
      `| ${Array.from({ length: COLUMNS }, (_, i) => (own[at + i] ? cell(own[at + i]) : "")).join(" | ")} |`,
    );
  lines.push("");
}
writeFileSync(join(folder, "README.md"), lines.join("\n"));
const bytes = names.reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
console.log(`${names.length} pictures, ${Math.round(bytes / 1024)} KB`);
