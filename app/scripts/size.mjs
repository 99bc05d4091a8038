// How much script, compressed, a face loads for its first view. More than the limit fails the build.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 150;

const read = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url));
const manifest = JSON.parse(read(".vite/manifest.json"));

/** The files that come with a chunk: its own, and all that it imports at once. */
function chunks(key, found = new Set()) {
  const chunk = manifest[key];
  if (chunk === undefined) throw new Error(`${key} is not in the manifest`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const imported of chunk.imports ?? []) chunks(imported, found);
  return found;
}

let tooLarge = false;
// The page chooses a face, and nothing else.
for (const key of manifest["index.html"].dynamicImports) {
  const face = manifest[key].src ?? manifest[key].name;
  const files = chunks(key, chunks("index.html"));
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(read(file), { level: 9 }).length, 0);
  const size = bytes / 1024;
  tooLarge ||= size > LIMIT_KB;
  console.log(`${face}: ${size.toFixed(1)} KB of compressed script, at most ${LIMIT_KB}`);
}
process.exit(tooLarge ? 1 : 0);
