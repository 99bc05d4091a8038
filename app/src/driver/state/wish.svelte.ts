/** When, and what kind of place, the driver wants. It goes along from view to view, and outlives a reload. */

import { timestampFromMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { SpotType } from "../../gen/parkmesh/common/v1/common_pb";
import { clock } from "../../lib/clock.svelte";
import { HOUR_MS } from "../../lib/time";

export interface Span {
  readonly start: number;
  readonly end: number;
}

const KEPT_AS = "parkmesh.wish";

interface Kept {
  /** Milliseconds since 1970; null for now. */
  start: number | null;
  length: number;
  type: SpotType;
}

let kept = $state<Kept>(read());

export const wish = {
  /** Milliseconds since 1970; undefined for now. */
  get start(): number | undefined {
    return kept.start !== null && kept.start > clock.now() ? kept.start : undefined;
  },
  get length(): number {
    return kept.length;
  },
  get type(): SpotType {
    return kept.type;
  },
  /** From when until when, as of this moment. */
  span(): Span {
    const start = wish.start ?? clock.now();
    return { start, end: start + kept.length };
  },
  when(start: number | undefined, length: number): void {
    keep({ ...kept, start: start ?? null, length });
  },
  kind(type: SpotType): void {
    keep({ ...kept, type });
  },
};

/** A span as the contracts have it. */
export function windowOf(span: Span): { startTime: Timestamp; endTime: Timestamp } {
  return {
    startTime: timestampFromMs(Math.round(span.start)),
    endTime: timestampFromMs(Math.round(span.end)),
  };
}

function keep(next: Kept): void {
  kept = next;
  sessionStorage.setItem(KEPT_AS, JSON.stringify(next));
}

function read(): Kept {
  const usual: Kept = { start: null, length: 2 * HOUR_MS, type: SpotType.REGULAR };
  try {
    const json: unknown = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "null");
    return typeof json === "object" && json !== null ? { ...usual, ...json } : usual;
  } catch {
    return usual;
  }
}
