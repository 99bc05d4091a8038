// A stock HTTP/2 client, Node's own, with prior knowledge: a browser that reached us without a proxy in between
// would speak so. It knows of gRPC-Web what its specification says: five bytes before each message, trailers as
// the last frame of the body.

import { connect, constants } from "node:http2";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { options, run } from "./journey.mjs";

const FORMAT = "application/grpc-web+proto";
/** Bytes before a message: one of flags, four of length. */
const PREFIX_BYTES = 5;
/** Flag of the frame that holds the trailers. */
const TRAILERS = 0x80;

const given = options("http2.mjs");
const session = connect(given.gateway);
session.on("error", (error) => {
  console.error(error);
  process.exit(1);
});

function frame(message) {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Sends a request; the frames of the answer come as they arrive. */
async function* call(method, request, signal) {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: `/${method.parent.typeName}/${method.name}`,
    "content-type": FORMAT,
    accept: FORMAT,
    "x-grpc-web": "1",
    authorization: `Bearer ${given.token}`,
  });
  signal?.addEventListener("abort", () => stream.close(constants.NGHTTP2_CANCEL));
  stream.on("trailers", () => stream.destroy(new Error("trailers of HTTP/2 in an answer of gRPC-Web")));
  stream.end(frame(toBinary(method.input, request)));
  const headers = await new Promise((resolve, reject) => {
    stream.once("response", resolve);
    stream.once("error", reject);
  });
  if (headers[":status"] !== 200) throw new Error(`HTTP status ${headers[":status"]}`);
  // A refusal before the first message may stand in the headers alone.
  if ("grpc-status" in headers) return refuse(headers);
  if (headers["content-type"] !== FORMAT) throw new Error(`content-type ${headers["content-type"]}`);
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      const body = bytes.subarray(PREFIX_BYTES, end);
      if ((bytes[0] & TRAILERS) !== 0) return refuse(fields(body.toString("latin1")));
      yield fromBinary(method.output, body);
      bytes = bytes.subarray(end);
    }
  }
  throw new Error("the answer ended without trailers");
}

/** Trailers as they stand in the body: lines like those of HTTP/1.1. */
function fields(text) {
  const lines = text.split("\r\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
}

/** Throws unless the call went well. */
function refuse(trailers) {
  const code = Number(trailers["grpc-status"]);
  if (code === 0) return;
  const error = new Error(decodeURIComponent(trailers["grpc-message"] ?? ""));
  throw Object.assign(error, { code, hasDetails: "grpc-status-details-bin" in trailers });
}

const client = {
  async unary(method, request) {
    const messages = [];
    for await (const message of call(method, request)) messages.push(message);
    if (messages.length !== 1) throw new Error(`${messages.length} messages in one answer`);
    return messages[0];
  },
  stream: call,
};

await run(client, given);
