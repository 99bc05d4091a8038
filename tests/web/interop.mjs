// The interop procedures of gRPC, as grpc/grpc's doc/interop-test-descriptions.md has them, by grpc-js.
//   node interop.mjs <host:port> <token> <interop.proto> [certificate file]
// Prints one line of JSON: a list of { procedure, wrong }, where `wrong` is missing if all is well.

import { readFileSync } from "node:fs";
import { credentials, loadPackageDefinition, Metadata, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [address, token, contract, certificate] = process.argv.slice(2);
/** Longest that a procedure takes, in milliseconds. */
const PROCEDURE_MAX_MS = 20_000;

const testing = loadPackageDefinition(loadSync(contract, { keepCase: true })).grpc.testing;
const secure = certificate === undefined ? credentials.createInsecure() : credentials.createSsl(readFileSync(certificate));
const client = new testing.TestService(address, secure);
const stranger = new testing.UnimplementedService(address, secure);

const payload = (size) => ({ body: Buffer.alloc(size) });
const large = { response_size: 314159, payload: payload(271828) };
const output = (answer, request) => ({ response_parameters: [{ size: answer }], payload: payload(request) });

function metadata(more = {}) {
  const all = new Metadata();
  all.set("authorization", `Bearer ${token}`);
  for (const [name, value] of Object.entries(more)) all.set(name, value);
  return all;
}

function same(what, found, wanted) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}: ${left?.slice(0, 200)}, not ${right.slice(0, 200)}`);
}

/** A call that answers once; `send` is given what takes the answer. Its status comes last. */
function once(send) {
  return new Promise((resolve) => {
    const told = {};
    const done = () => "answer" in told && "status" in told && resolve(told);
    const call = send((error, answer) => done(Object.assign(told, { answer: answer ?? null })));
    call.on("metadata", (initial) => Object.assign(told, { initial }));
    call.on("status", (end) => done(Object.assign(told, { status: end })));
    told.call = call;
  });
}

/** A call that answers again and again. */
function streamed(call) {
  const told = { call, initial: undefined, answers: [] };
  call.on("metadata", (initial) => (told.initial = initial));
  // The status says it as well.
  call.on("error", () => {});
  call.on("data", (answer) => (told.answers.push(answer.payload.body.length), told.onAnswer?.()));
  told.next = () => new Promise((resolve) => (told.onAnswer = resolve));
  told.status = new Promise((resolve) => call.on("status", resolve));
  return told;
}

const unary = (request, more) => once((take) => client.unaryCall(request, metadata(more), take));
const duplex = (more, options = {}) => streamed(client.fullDuplexCall(metadata(more), options));
const empty = () => once((take) => client.emptyCall({}, metadata(), take));

function ends({ code, details }, wanted, message) {
  same("code", code, wanted);
  if (message !== undefined) same("message", details, message);
}

/** What is asked, and what must come of it. */
const procedures = {
  async empty_unary() {
    const told = await empty();
    ends(told.status, status.OK);
    same("answer", told.answer, {});
  },
  async large_unary() {
    const told = await unary(large);
    ends(told.status, status.OK);
    same("payload", told.answer.payload.body.length, 314159);
  },
  async client_streaming() {
    const told = await once((take) => {
      const call = client.streamingInputCall(metadata(), take);
      for (const size of [27182, 8, 1828, 45904]) call.write({ payload: payload(size) });
      call.end();
      return call;
    });
    ends(told.status, status.OK);
    same("bytes", told.answer.aggregated_payload_size, 74922);
  },
  async server_streaming() {
    const sizes = [31415, 9, 2653, 58979];
    const request = { response_parameters: sizes.map((size) => ({ size })) };
    const told = streamed(client.streamingOutputCall(request, metadata()));
    ends(await told.status, status.OK);
    same("payloads", told.answers, sizes);
  },
  async ping_pong() {
    const told = duplex();
    const pairs = [[31415, 27182], [9, 8], [2653, 1828], [58979, 45904]];
    for (const [answer, request] of pairs) {
      const next = told.next();
      told.call.write(output(answer, request));
      await next;
      same("payload", told.answers.at(-1), answer);
    }
    told.call.end();
    ends(await told.status, status.OK);
    same("payloads", told.answers, pairs.map(([answer]) => answer));
  },
  async empty_stream() {
    const told = duplex();
    told.call.end();
    ends(await told.status, status.OK);
    same("payloads", told.answers, []);
  },
  async custom_metadata() {
    const [initial, trailing] = ["x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"];
    const bytes = Buffer.from([0xab, 0xab, 0xab]);
    const more = { [initial]: "test_initial_metadata_value", [trailing]: bytes };
    const one = await unary(large, more);
    const many = duplex(more);
    many.call.write(output(314159, 271828));
    many.call.end();
    for (const [told, end] of [[one, one.status], [many, await many.status]]) {
      ends(end, status.OK);
      same("initial metadata", told.initial.get(initial), ["test_initial_metadata_value"]);
      same("trailing metadata", end.metadata.get(trailing), [bytes]);
    }
    same("payloads", [one.answer.payload.body.length, ...many.answers], [314159, 314159]);
  },
  async status_code_and_message() {
    const request = { response_status: { code: status.UNKNOWN, message: "test status message" } };
    ends((await unary(request)).status, status.UNKNOWN, "test status message");
    const told = duplex();
    told.call.write(request);
    told.call.end();
    ends(await told.status, status.UNKNOWN, "test status message");
  },
  async special_status_message() {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n";
    const told = await unary({ response_status: { code: status.UNKNOWN, message } });
    ends(told.status, status.UNKNOWN, message);
  },
  async unimplemented_method() {
    const told = await once((take) => client.unimplementedCall({}, metadata(), take));
    ends(told.status, status.UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const told = await once((take) => stranger.unimplementedCall({}, metadata(), take));
    ends(told.status, status.UNIMPLEMENTED);
  },
  async cancel_after_begin() {
    const told = await once((take) => {
      const call = client.streamingInputCall(metadata(), take);
      setImmediate(() => call.cancel());
      return call;
    });
    ends(told.status, status.CANCELLED);
    await procedures.empty_unary();
  },
  async cancel_after_first_response() {
    const told = duplex();
    const next = told.next();
    told.call.write(output(31415, 27182));
    await next;
    told.call.cancel();
    ends(await told.status, status.CANCELLED);
    same("payloads", told.answers, [31415]);
    await procedures.empty_unary();
  },
  async timeout_on_sleeping_server() {
    const told = duplex({}, { deadline: Date.now() + 1 });
    told.call.write({ payload: payload(27182) });
    ends(await told.status, status.DEADLINE_EXCEEDED);
  },
};

const outcomes = [];
for (const [procedure, run] of Object.entries(procedures)) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no end")), PROCEDURE_MAX_MS)));
  const outcome = { procedure };
  try {
    await Promise.race([run(), late]);
  } catch (error) {
    outcome.wrong = String(error?.stack ?? error).slice(0, 600);
  }
  clearTimeout(timer);
  outcomes.push(outcome);
}
console.log(JSON.stringify(outcomes));
process.exit(0);
