// What the page of chromium.mjs does, for whoever opened it.

import { base64Decode } from "@bufbuild/protobuf/wire";
import { browserAdapters } from "./adapters.mjs";
import { caller, methodsOf, outcomesOf } from "./cases.mjs";

const read = (options) => ({ ...options, descriptors: base64Decode(options.descriptors) });

/** How many ways there are to use the clients. */
globalThis.ways = browserAdapters.length;

/** All cases by one of them. */
globalThis.outcomes = (way, options) => outcomesOf(browserAdapters[way], read(options));

/** One call, as a page of any origin would make it. */
globalThis.once = async (way, options) => {
  const { unary, registry } = methodsOf(read(options).descriptors);
  const call = caller(browserAdapters[way], { ...options, registry });
  const told = await call(unary, {}, { do: "echo" }).catch((error) => ({ code: String(error), messages: [] }));
  const { name, format } = browserAdapters[way];
  return { name, format, code: told.code, messages: told.messages.length };
};
