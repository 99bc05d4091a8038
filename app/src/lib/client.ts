/** Calls to the gateway: gRPC-web, with the token, and with the deadline that the contract gives each method. */

import { getOption, hasOption, type DescMethod, type DescService } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createClient,
  type Client,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { method as policy } from "../gen/parkmesh/common/v1/options_pb";
import { clock } from "./clock.svelte";
import { timed } from "./network.svelte";
import { session } from "./session.svelte";

/** Added to a method's deadline, so that the gateway's answer, which says more, is the one that is heard. */
const GRACE_MS = 2_000;

const authorized: Interceptor = (next) => async (request) => {
  if (session.token !== undefined) request.header.set("authorization", `Bearer ${session.token}`);
  try {
    const response = await next(request);
    clock.heardDate(response.header.get("date"));
    return response;
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) session.expire();
    throw error;
  }
};

const inner = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [authorized] });

const transport: Transport = {
  unary: (method, signal, timeout, header, input, values) =>
    timed(inner.unary(method, signal, timeout ?? deadline(method), header, input, values)),
  stream: (method, signal, timeout, header, input, values) =>
    inner.stream(method, signal, timeout, header, input, values),
};

/** The client of a service. */
export function client<Service extends DescService>(service: Service): Client<Service> {
  return createClient(service, transport);
}

function deadline(method: DescMethod): number | undefined {
  if (!hasOption(method, policy)) return undefined;
  return getOption(method, policy).deadlineMs + GRACE_MS;
}
