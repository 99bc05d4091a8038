/** The time at the server, as far as its answers tell it, and a second hand for whatever counts down. */

import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { createSubscriber } from "svelte/reactivity";

/** Milliseconds that the server's clock is ahead of ours. */
let ahead: number | undefined;

/** Who must look again when it turns out that the clock is another one. */
const moved = new Set<() => void>();

const everyHalfSecond = createSubscriber((update) => {
  const timer = setInterval(update, 500);
  return () => clearInterval(timer);
});

export const clock = {
  /** Milliseconds since 1970 by the server's clock. */
  now(): number {
    return Date.now() + (ahead ?? 0);
  },
  /** Whether the server has said what time it is; until then ours is a guess that nobody should be refused by. */
  get known(): boolean {
    return ahead !== undefined;
  },
  /** The same as `now`; whoever reads it is run again twice a second. */
  get ticking(): number {
    everyHalfSecond();
    return clock.now();
  },
  /** Takes a time that the server said just now. It was later there already: so the latest that was said counts. */
  heard(time: Timestamp | undefined): void {
    if (time !== undefined) hear(timestampMs(time));
  },
  /** Takes the `date` of an answer, which names the second that has begun. */
  heardDate(date: string | null): void {
    const time = Date.parse(date ?? "");
    if (!Number.isNaN(time)) hear(time);
  },
  /** Calls whenever the server's clock turns out to be ahead by more than was believed. */
  onmoved(look: () => void): void {
    moved.add(look);
  },
};

function hear(time: number): void {
  const told = time - Date.now();
  if (ahead !== undefined && told <= ahead) return;
  ahead = told;
  for (const look of moved) look();
}
