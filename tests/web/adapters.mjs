// Five clients of gRPC-Web, each by its own public face. An adapter makes a function of { of, codec, request, metadata, timeoutMs,
// cancelAfterMessage } that tells { code, message, messages, details } and, where the client shows them, headers and trailers.
// They run in a browser as in Node, where node.mjs comes before them.

import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ConnectError } from "@connectrpc/connect";
import { GrpcWebFetchTransport } from "@protobuf-ts/grpcweb-transport";
import { createChannel, createClient, Metadata, ClientError } from "nice-grpc-web";
import improbable from "@improbable-eng/grpc-web";
import grpcWeb from "grpc-web";

const { grpc } = improbable;
/** When a stream is given up by a client that shows no message before the end, in milliseconds. */
const GIVEN_UP_AFTER_MS = 1_000;

/** Names in lower case; of several values the first. */
const plain = (pairs) => Object.fromEntries([...pairs].map(([name, value]) => [name.toLowerCase(), value]));
const timeout = (metadata, timeoutMs) => (timeoutMs === undefined ? metadata : { ...metadata, "grpc-timeout": `${timeoutMs}m` });

function officialClient({ gateway, format }) {
  const client = new grpcWeb.GrpcWebClientBase({ format });
  return ({ of, codec, request, metadata, timeoutMs, cancelAfterMessage }) =>
    new Promise((resolve) => {
      const streams = of.methodKind === "server_streaming";
      const kind = streams ? grpcWeb.MethodType.SERVER_STREAMING : grpcWeb.MethodType.UNARY;
      const descriptor = new grpcWeb.MethodDescriptor(codec.path, kind, Object, Object, codec.write, codec.read);
      // Its own way to say a deadline: an instant.
      const told = timeoutMs === undefined ? metadata : { ...metadata, deadline: String(Date.now() + timeoutMs) };
      const got = { code: 0, message: "", messages: [], details: false };
      const url = gateway + codec.path;
      const giveUp = () => (call.cancel(), resolve(got));
      const failed = (error) => {
        got.code = error.code;
        got.message = error.message;
        got.details = "grpc-status-details-bin" in (error.metadata ?? {});
        if (error.metadata) got.trailers = plain(Object.entries(error.metadata));
      };
      const take = (message) => {
        got.messages.push(message);
        if (cancelAfterMessage) giveUp();
      };
      let call;
      if (streams) {
        call = client.serverStreaming(url, request, told, descriptor);
        call.on("data", take);
        call.on("error", (error) => (failed(error), resolve(got)));
        call.on("end", () => resolve(got));
        if (cancelAfterMessage && format === "binary") setTimeout(giveUp, GIVEN_UP_AFTER_MS);
      } else {
        call = client.rpcCall(url, request, told, descriptor, (error, message) => {
          if (error) failed(error);
          else take(message);
          setTimeout(() => resolve(got));
        });
        call.on("status", (status) => (got.trailers = plain(Object.entries(status.metadata ?? {}))));
      }
      call.on("metadata", (headers) => (got.headers = plain(Object.entries(headers))));
    });
}

function connectClient({ gateway }) {
  const transport = createGrpcWebTransport({ baseUrl: gateway, useBinaryFormat: true });
  return async ({ of, request, metadata, timeoutMs, cancelAfterMessage }) => {
    const got = { code: 0, message: "", messages: [], details: false };
    const abort = new AbortController();
    try {
      if (of.methodKind === "unary") {
        const answer = await transport.unary(of, abort.signal, timeoutMs, metadata, request);
        got.messages.push(answer.message);
        Object.assign(got, { headers: plain(answer.header), trailers: plain(answer.trailer) });
      } else {
        const one = (async function* () { yield request; })();
        const answer = await transport.stream(of, abort.signal, timeoutMs, metadata, one);
        for await (const message of answer.message) {
          got.messages.push(message);
          if (cancelAfterMessage) abort.abort();
        }
      }
    } catch (error) {
      const told = ConnectError.from(error);
      const details = told.details.length > 0;
      Object.assign(got, { code: told.code, message: told.rawMessage, details, trailers: plain(told.metadata) });
    }
    return got;
  };
}

const NAMES = "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED".split(" ");

function protobufTsClient({ gateway, format }) {
  const transport = new GrpcWebFetchTransport({ baseUrl: gateway, format });
  return async ({ of, codec, request, metadata, timeoutMs, cancelAfterMessage }) => {
    const got = { code: 0, message: "", messages: [], details: false };
    const abort = new AbortController();
    const method = {
      name: of.name,
      localName: of.localName,
      service: { typeName: of.parent.typeName },
      serverStreaming: of.methodKind === "server_streaming",
      clientStreaming: false,
      I: { toBinary: codec.write },
      O: { fromBinary: codec.read },
    };
    const options = transport.mergeOptions({ meta: metadata, timeout: timeoutMs, abort: abort.signal });
    try {
      if (method.serverStreaming) {
        const call = transport.serverStreaming(method, request, options);
        // Unread promises of a failed call would end the process.
        for (const one of [call.headers, call.status, call.trailers]) one.catch(() => {});
        for await (const message of call.responses) {
          got.messages.push(message);
          if (cancelAfterMessage) abort.abort();
        }
        await call.status;
      } else {
        const call = transport.unary(method, request, options);
        for (const one of [call.headers, call.response, call.status, call.trailers]) one.catch(() => {});
        got.messages.push(await call.response);
        await call.status;
        got.headers = plain(Object.entries(await call.headers));
        got.trailers = plain(Object.entries(await call.trailers));
      }
    } catch (error) {
      const details = "grpc-status-details-bin" in (error.meta ?? {});
      // It leaves messages as they are written on the wire.
      Object.assign(got, { code: NAMES.indexOf(error.code), message: decodeURIComponent(error.message), details });
      if (error.meta) got.trailers = plain(Object.entries(error.meta));
    }
    return got;
  };
}

function niceClient({ gateway }) {
  const channel = createChannel(gateway);
  return async ({ of, codec, request, metadata, timeoutMs, cancelAfterMessage }) => {
    const got = { code: 0, message: "", messages: [], details: false };
    const streams = of.methodKind === "server_streaming";
    const definition = {
      call: {
        path: codec.path,
        requestStream: false,
        responseStream: streams,
        requestSerialize: codec.write,
        requestDeserialize: codec.read,
        responseSerialize: codec.write,
        responseDeserialize: codec.read,
        options: {},
      },
    };
    const client = createClient(definition, channel);
    const abort = new AbortController();
    const told = Metadata();
    for (const [name, value] of Object.entries(timeout(metadata, timeoutMs))) {
      told.set(name, name.endsWith("-bin") ? base64Decode(value) : value);
    }
    const shown = (metadata) => plain([...metadata].map(([name, [value]]) => [name, typeof value === "string" ? value : base64Encode(value)]));
    const options = {
      metadata: told,
      signal: abort.signal,
      onHeader: (headers) => (got.headers = shown(headers)),
      onTrailer: (trailers) => (got.trailers = shown(trailers)),
    };
    try {
      if (streams) {
        for await (const message of client.call(request, options)) {
          got.messages.push(message);
          if (cancelAfterMessage) abort.abort();
        }
      } else {
        got.messages.push(await client.call(request, options));
      }
    } catch (error) {
      if (error instanceof ClientError) Object.assign(got, { code: error.code, message: error.details });
      else if (error.name !== "AbortError") throw error;
    }
    got.details = "grpc-status-details-bin" in { ...got.trailers, ...got.headers };
    return got;
  };
}

function improbableClient({ gateway, transport = grpc.FetchReadableStreamTransport({}) }) {
  return ({ of, codec, request, metadata, timeoutMs, cancelAfterMessage }) =>
    new Promise((resolve) => {
      const got = { code: 0, message: "", messages: [], details: false };
      const shown = (metadata) => plain(Object.entries(metadata.headersMap).map(([name, [value]]) => [name, value]));
      const method = {
        methodName: of.name,
        service: { serviceName: of.parent.typeName },
        requestStream: false,
        responseStream: of.methodKind === "server_streaming",
        responseType: { deserializeBinary: codec.read },
      };
      const call = grpc.invoke(method, {
        host: gateway,
        transport,
        metadata: new grpc.Metadata(timeout(metadata, timeoutMs)),
        request: { serializeBinary: () => codec.write(request), toObject: () => ({}) },
        onHeaders: (headers) => (got.headers = shown(headers)),
        onMessage: (message) => {
          got.messages.push(message);
          if (!cancelAfterMessage) return;
          call.close();
          resolve(got);
        },
        onEnd: (code, message, trailers) => {
          const told = { ...shown(trailers) };
          const details = "grpc-status-details-bin" in { ...told, ...got.headers };
          resolve(Object.assign(got, { code, message, details, trailers: told }));
        },
      });
    });
}

/** The only one of them that has two ways to ask, the other of which needs a browser. */
const improbableXhrClient = (options) => improbableClient({ ...options, transport: grpc.XhrTransport({}) });

export const adapters = [
  { name: "grpc-web", format: "text", make: officialClient },
  // In this format it shows no message of a stream before the end.
  { name: "grpc-web", format: "binary", make: officialClient, showsMessagesLate: true },
  { name: "@connectrpc/connect-web", format: "binary", make: connectClient },
  { name: "@protobuf-ts/grpcweb-transport", format: "text", make: protobufTsClient },
  { name: "@protobuf-ts/grpcweb-transport", format: "binary", make: protobufTsClient },
  { name: "nice-grpc-web", format: "binary", make: niceClient },
  { name: "@improbable-eng/grpc-web", format: "binary", make: improbableClient },
];

export const browserAdapters = [
  ...adapters,
  { name: "@improbable-eng/grpc-web", format: "binary by XMLHttpRequest", make: improbableXhrClient },
];
