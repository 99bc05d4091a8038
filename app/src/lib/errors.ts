/** From an error of a call to what the person is told: what happened, and what to do next. */

import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb";
import { reasons } from "./reasons";

/** An error, ready to be shown. */
export interface Told {
  /** Stable name, for example `SPOT_TAKEN`; the name of the code where nothing better was said. */
  readonly reason: string;
  /** What happened. */
  readonly what: string;
  /** What to do next. */
  readonly next: string;
  /** What was said beside the reason, for example `state`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What is wrong with which field of the request, by its path in the contract. */
  readonly fields: Readonly<Record<string, string>>;
  /** The outcome is unknown or the trouble may pass: the same call, with the same request id, may be made again. */
  readonly retry: boolean;
  /** When it may be, where that was said. */
  readonly retryAfterMs: number | undefined;
  /** As it came, for details of our own: `told.error.findDetails(…)`. */
  readonly error: ConnectError;
}

/** Codes that say nothing about the wish itself. */
const PASSING: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.Unknown,
  Code.Internal,
]);
/** What is aborted and stays so: somebody changed what the person saw. */
const STALE = /_VERSION_STALE$/;

export function explain(thrown: unknown): Told {
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema)[0];
  const reason = info?.reason ?? (navigator.onLine ? codeName(error.code) : "OFFLINE");
  const texts = reasons();
  const known = texts[reason] ?? texts[codeName(error.code)] ?? texts["UNKNOWN"];
  const retryDelay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    reason,
    what: known?.[0] ?? error.rawMessage,
    next: known?.[1] ?? "",
    metadata: info?.metadata ?? {},
    fields: fieldsOf(error),
    retry: PASSING.has(error.code) && !STALE.test(reason),
    retryAfterMs: retryDelay && durationMs(retryDelay),
    error,
  };
}

function fieldsOf(error: ConnectError): Record<string, string> {
  const violations = error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  return Object.fromEntries(violations.map((violation) => [violation.field, violation.description]));
}

/** `PERMISSION_DENIED` of `PermissionDenied`. */
function codeName(code: Code): string {
  return (Code[code] ?? "Unknown").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
