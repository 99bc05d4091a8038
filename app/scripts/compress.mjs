// Beside each text of the build its form in brotli, which the gateway sends to whoever takes it: slow and done once, so as small as can be.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

const TEXTS = /\.(js|css|html|svg)$/;
/** Less is not worth a file. */
const LEAST_BYTES = 512;

const dist = new URL("../dist/", import.meta.url);
for (const name of readdirSync(dist, { recursive: true }).filter((one) => TEXTS.test(one))) {
  const bytes = readFileSync(new URL(name, dist));
  if (bytes.length < LEAST_BYTES) continue;
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  writeFileSync(new URL(`${name}.br`, dist), brotliCompressSync(bytes, { params }));
}
