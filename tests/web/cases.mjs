// What every client of gRPC-Web must bear, against an upstream that does what it is told (`x-do`); in Node and in a browser.

import { createFileRegistry, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Longest that a case takes, in milliseconds. */
const CASE_MAX_MS = 10_000;

/** Fails when something else was found. */
export function same(what, found, wanted) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}: ${left?.slice(0, 200)}, not ${right.slice(0, 200)}`);
}

/** The service of both methods that are called, by the contracts' descriptors. */
export function methodsOf(descriptors) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const service = registry.getService("parkmesh.notification.v1.NotificationService");
  const method = (name) => service.methods.find((one) => one.name === name);
  return { registry, unary: method("ListNotifications"), stream: method("WatchNotifications") };
}

/** The path of a method. */
export const pathOf = (of) => `/${of.parent.typeName}/${of.name}`;

const BYTES = new Uint8Array([0, 1, 2, 253, 254, 255]);
const BYTES_TEXT = base64Encode(BYTES).replace(/=+$/, "");
const MIB = "m".repeat(1 << 20);
const sequences = (messages) => messages.map((one) => Number(one.notification.sequence));

/** What is asked of two methods, and what must come of it. */
const casesOf = ({ unary, stream }) => ({
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
    const got = await call(unary, {}, { do: "echo", bytes: BYTES_TEXT });
    same("code", got.code, 0);
    if (got.headers) same("header", [...base64Decode(got.headers["x-data-bin"])], [...BYTES]);
    if (got.trailers) same("trailer", [...base64Decode(got.trailers["x-last-bin"])], [...BYTES]);
  },
  async deadline(call) {
    const got = await call(unary, {}, { do: "hang", timeoutMs: 400 });
    same("code", got.code, 4);
  },
  async cancel_reaches_the_upstream(call, { showsMessagesLate }) {
    const got = await call(stream, {}, { do: "endless", cancelAfterMessage: true });
    if (showsMessagesLate) same("code", got.code, 0);
    same("messages", sequences(got.messages), showsMessagesLate ? [] : [1]);
  },
});

/** A function that makes a client of this way ask. */
export function caller({ make, format }, { gateway, token, registry }) {
  const client = make({ gateway, format });
  return (of, json, options) => {
    const metadata = { authorization: `Bearer ${token}`, "x-do": options.do };
    if (options.bytes) metadata["x-data-bin"] = options.bytes;
    const codec = { path: pathOf(of), write: (message) => toBinary(of.input, message), read: (bytes) => fromBinary(of.output, bytes) };
    return client({ ...options, of, codec, metadata, request: fromJson(of.input, json, { registry }) });
  };
}

/** Runs one case; `wrong` is missing if all is well. */
export async function outcomeOf({ name, format }, title, run) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no end")), CASE_MAX_MS)));
  const outcome = { client: name, format, case: title };
  try {
    await Promise.race([run(), late]);
  } catch (error) {
    outcome.wrong = String(error?.stack ?? error).slice(0, 600);
  }
  clearTimeout(timer);
  return outcome;
}

/** All cases by one way to use a client. */
export async function outcomesOf(adapter, { gateway, token, descriptors }) {
  const methods = methodsOf(descriptors);
  const call = caller(adapter, { gateway, token, registry: methods.registry });
  const outcomes = [];
  for (const [title, run] of Object.entries(casesOf(methods))) {
    outcomes.push(await outcomeOf(adapter, title, () => run(call, adapter)));
  }
  return outcomes;
}
