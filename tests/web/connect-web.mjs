// @connectrpc/connect-web, speaking gRPC-Web in binary.

import { createClient, ConnectError } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { options, run } from "./journey.mjs";

const given = options("connect-web.mjs");
const authorize = (next) => (request) => {
  request.header.set("authorization", `Bearer ${given.token}`);
  return next(request);
};
const transport = createGrpcWebTransport({
  baseUrl: given.gateway,
  interceptors: [authorize],
  defaultTimeoutMs: 30_000,
});

const told = (error) => {
  const connect = ConnectError.from(error);
  return Object.assign(connect, { hasDetails: connect.details.length > 0 });
};

const client = {
  async unary(method, request) {
    try {
      return await createClient(method.parent, transport)[method.localName](request);
    } catch (error) {
      throw told(error);
    }
  },
  stream: (method, request, signal) => createClient(method.parent, transport)[method.localName](request, { signal }),
};

await run(client, given);
