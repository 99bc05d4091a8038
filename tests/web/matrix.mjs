// What every client of gRPC-Web must bear, against an upstream that does what it is told (`x-do`).
//   node matrix.mjs <gateway URL> <token> <descriptor set file> <origin> [certificate file]
// Prints one line of JSON: a list of { client, format, case, wrong }, where `wrong` is missing if all is well.

import { readFileSync } from "node:fs";
import { create, createFileRegistry, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Agent, fetch as plainFetch, Headers as PlainHeaders } from "undici";
import { adapters } from "./adapters.mjs";

const [gateway, token, descriptors, origin, certificate] = process.argv.slice(2);
const tls = certificate === undefined ? {} : { ca: readFileSync(certificate) };
// With TLS the protocol is agreed on by ALPN: HTTP/2, or the test fails by what the gateway's log says.
const agent = new Agent({ allowH2: certificate !== undefined, connect: tls });
/** Names of headers that clients have sent, by client. */
const sent = new Map();
let current = "";

// Some look at whose headers these are.
globalThis.Headers = PlainHeaders;
globalThis.fetch = (url, init = {}) => {
  const names = sent.get(current) ?? new Set();
  sent.set(current, names);
  for (const [name] of new Headers(init.headers)) names.add(name.toLowerCase());
  return plainFetch(url, { ...init, headers: [...new Headers(init.headers)], dispatcher: agent });
};

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const service = registry.getService("parkmesh.notification.v1.NotificationService");
const method = (name) => service.methods.find((one) => one.name === name);
const [unary, stream] = [method("ListNotifications"), method("WatchNotifications")];
const ask = (of, json) => fromJson(of.input, json, { registry });

function same(what, found, wanted) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}: ${left?.slice(0, 200)}, not ${right.slice(0, 200)}`);
}

const BYTES = Buffer.from([0, 1, 2, 253, 254, 255]);
const MIB = "m".repeat(1 << 20);
const sequences = (messages) => messages.map((one) => Number(one.notification.sequence));

/** What is asked, and what must come of it. */
const cases = {
  async unary(call) {
    const got = await call(unary, { pageToken: "a" }, { do: "echo" });
    same("code", got.code, 0);
    same("answer", got.messages.map((one) => one.nextPageToken), ["a"]);
    if (got.headers) same("header", got.headers["x-first"], "a");
    if (got.trailers) same("trailer", got.trailers["x-last"], "z");
  },
  async error_with_details(call) {
    const got = await call(unary, {}, { do: "error" });
    same("code", got.code, 9);
    same("message", got.message, "nein: ä € % ✓");
    same("details", got.details, true);
    if (got.trailers) same("trailer", got.trailers["x-why"], "because");
  },
  async server_stream(call) {
    const got = await call(stream, {}, { do: "stream" });
    same("code", got.code, 0);
    same("messages", sequences(got.messages), [1, 2, 3]);
  },
  async error_after_messages(call) {
    const got = await call(stream, {}, { do: "error-late" });
    same("code", got.code, 9);
    same("details", got.details, true);
    same("messages", sequences(got.messages), [1, 2]);
  },
  async stream_cut_by_the_upstream(call) {
    const got = await call(stream, {}, { do: "cut" });
    same("code", got.code, 14);
    same("messages", sequences(got.messages), [1, 2]);
  },
  async trailers_only(call) {
    const got = await call(unary, {}, { do: "trailers-only" });
    same("code", got.code, 5);
    same("message", got.message, "nothing");
    const streamed = await call(stream, {}, { do: "trailers-only" });
    same("code of a stream", streamed.code, 5);
  },
  async one_mebibyte(call) {
    const got = await call(unary, { pageToken: MIB }, { do: "echo" });
    same("code", got.code, 0);
    same("answer", got.messages[0].nextPageToken === MIB, true);
  },
  async binary_metadata(call) {
    const got = await call(unary, {}, { do: "echo", bytes: BYTES });
    same("code", got.code, 0);
    if (got.headers) same("header", Buffer.from(got.headers["x-data-bin"], "base64").equals(BYTES), true);
    if (got.trailers) same("trailer", Buffer.from(got.trailers["x-last-bin"], "base64").equals(BYTES), true);
  },
  async deadline(call) {
    const got = await call(unary, {}, { do: "hang", timeoutMs: 400 });
    same("code", got.code, 4);
  },
  async cancel_reaches_the_upstream(call) {
    const got = await call(stream, {}, { do: "endless", cancelAfterMessage: true });
    same("messages", sequences(got.messages), [1]);
  },
};

/** Every header that this client has sent must be one that a page of another origin may send. */
async function preflight(name) {
  const ours = ["x-do", "x-data-bin"];
  const safe = ["accept", "content-length"];
  const asked = [...sent.get(name)].filter((one) => !ours.includes(one) && !safe.includes(one));
  const response = await plainFetch(`${gateway}${path(unary)}`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": asked.join(",") },
    dispatcher: agent,
  });
  same("status", response.status, 204);
  same("origin", response.headers.get("access-control-allow-origin"), origin);
  const allowed = response.headers.get("access-control-allow-headers").split(", ");
  same("headers that are not allowed", asked.filter((one) => !allowed.includes(one)), []);
}

const path = (of) => `/${of.parent.typeName}/${of.name}`;

const outcomes = [];
for (const { name, format, make, cannot = [] } of adapters) {
  const client = make({ gateway, format });
  current = `${name} ${format}`;
  const call = (of, json, options) => {
    const metadata = { authorization: `Bearer ${token}`, "x-do": options.do };
    if (options.bytes) metadata["x-data-bin"] = options.bytes.toString("base64").replace(/=+$/, "");
    const codec = { path: path(of), write: (message) => toBinary(of.input, message), read: (bytes) => fromBinary(of.output, bytes) };
    return client({ ...options, of, codec, metadata, request: ask(of, json) });
  };
  for (const [title, run] of [...Object.entries(cases), ["cors_preflight", () => preflight(current)]]) {
    if (cannot.includes(title)) continue;
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no end")), 10_000)));
    const outcome = { client: name, format, case: title };
    try {
      await Promise.race([run(call), late]);
    } catch (error) {
      outcome.wrong = String(error?.stack ?? error).slice(0, 600);
    }
    clearTimeout(timer);
    outcomes.push(outcome);
  }
}
console.log(JSON.stringify(outcomes));
process.exit(0);
