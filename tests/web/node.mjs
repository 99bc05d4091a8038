// What clients that are made for browsers look for there, in Node. Comes before them.

import { Headers as PlainHeaders } from "undici";
import { Xhr } from "./xhr.mjs";

globalThis.XMLHttpRequest = Xhr;
globalThis.self = globalThis;
// Some look at whose headers these are.
globalThis.Headers = PlainHeaders;
