// The official grpc-web, in its text mode (the only one of its modes that streams) and on request in binary:
// PARKMESH_GRPC_WEB_FORMAT=binary sends unary calls as application/grpc-web+proto.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { createRequire } from "node:module";
import xhr2 from "xhr2";
import { options, run } from "./journey.mjs";

/** xhr2 shows `responseText` at the end only and says LOADING once; browsers show it as it grows and say so
 *  each time, and streams live from that. */
class Growing extends xhr2 {
  _onHttpResponseData(response, data) {
    const again = this.readyState === xhr2.LOADING;
    const shown = this._response === response && this.responseType === "";
    if (shown) this.responseText += data.toString("latin1");
    super._onHttpResponseData(response, data);
    if (shown && again) this._setReadyState(xhr2.LOADING);
  }
}

// It is made for browsers: this is what it looks for there.
globalThis.XMLHttpRequest = Growing;
const grpcWeb = createRequire(import.meta.url)("grpc-web");

const given = options("grpc-web.mjs");
const metadata = { authorization: `Bearer ${given.token}` };
const unaryFormat = process.env.PARKMESH_GRPC_WEB_FORMAT ?? "text";
const unaryClient = new grpcWeb.GrpcWebClientBase({ format: unaryFormat });
const streamClient = new grpcWeb.GrpcWebClientBase({ format: "text" });

function describe(method) {
  const path = `/${method.parent.typeName}/${method.name}`;
  const kind = method.methodKind === "server_streaming" ? grpcWeb.MethodType.SERVER_STREAMING : grpcWeb.MethodType.UNARY;
  const write = (request) => toBinary(method.input, request);
  const read = (bytes) => fromBinary(method.output, bytes);
  const descriptor = new grpcWeb.MethodDescriptor(path, kind, Object, Object, write, read);
  return { url: given.gateway.replace(/\/$/, "") + path, descriptor };
}

const hasDetails = (error) => "grpc-status-details-bin" in (error.metadata ?? {});

const client = {
  async unary(method, request) {
    const { url, descriptor } = describe(method);
    try {
      return await unaryClient.unaryCall(url, request, metadata, descriptor);
    } catch (error) {
      throw Object.assign(error, { hasDetails: hasDetails(error) });
    }
  },
  async *stream(method, request, signal) {
    const { url, descriptor } = describe(method);
    const call = streamClient.serverStreaming(url, request, metadata, descriptor);
    const queue = [];
    let wake = () => {};
    const put = (item) => {
      queue.push(item);
      wake();
    };
    call.on("data", (message) => put({ message }));
    call.on("error", (error) => put({ error }));
    call.on("end", () => put({ end: true }));
    signal.addEventListener("abort", () => call.cancel());
    try {
      for (;;) {
        while (queue.length === 0) await new Promise((resolve) => (wake = resolve));
        const { message, error, end } = queue.shift();
        if (error !== undefined) throw error;
        if (end) return;
        yield message;
      }
    } finally {
      call.cancel();
    }
  },
};

await run(client, given);
