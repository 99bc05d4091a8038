// The cases of cases.mjs for every client, in Node.
//   node matrix.mjs <gateway URL> <token> <descriptor set file> <origin> [certificate file]
// Prints one line of JSON: a list of { client, format, case, wrong }, where `wrong` is missing if all is well.

import "./node.mjs";
import { readFileSync } from "node:fs";
import { Agent, fetch as plainFetch } from "undici";
import { adapters } from "./adapters.mjs";
import { methodsOf, outcomeOf, outcomesOf, pathOf, same } from "./cases.mjs";

const [gateway, token, file, origin, certificate] = process.argv.slice(2);
const descriptors = readFileSync(file);
const tls = certificate === undefined ? {} : { ca: readFileSync(certificate) };
// With TLS the protocol is agreed on by ALPN: HTTP/2, or the test fails by what the gateway's log says.
const agent = new Agent({ allowH2: certificate !== undefined, connect: tls });
/** Names of headers that the client has sent. */
let sent = new Set();

globalThis.fetch = (url, init = {}) => {
  for (const [name] of new Headers(init.headers)) sent.add(name.toLowerCase());
  return plainFetch(url, { ...init, headers: [...new Headers(init.headers)], dispatcher: agent });
};

/** Every header that a client has sent must be one that a page of another origin may send. */
async function preflight() {
  const safe = ["accept", "content-length"];
  const asked = [...sent].filter((one) => !safe.includes(one));
  const response = await plainFetch(`${gateway}${pathOf(methodsOf(descriptors).unary)}`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": asked.join(",") },
    dispatcher: agent,
  });
  same("status", response.status, 204);
  same("origin", response.headers.get("access-control-allow-origin"), origin);
  const allowed = response.headers.get("access-control-allow-headers").split(", ");
  same("headers that are not allowed", asked.filter((one) => !allowed.includes(one)), []);
}

const outcomes = [];
for (const adapter of adapters) {
  sent = new Set();
  outcomes.push(...(await outcomesOf(adapter, { gateway, token, descriptors })));
  outcomes.push(await outcomeOf(adapter, "cors_preflight", preflight));
}
console.log(JSON.stringify(outcomes));
process.exit(0);
