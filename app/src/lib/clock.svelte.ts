/** The time at the server, as far as its answers tell it, and a second hand for whatever counts down. */

import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { createSubscriber } from "svelte/reactivity";

/** Milliseconds that the server's clock is ahead of ours. */
let ahead: number | undefined;

const everyHalfSecond = createSubscriber((update) => {
  const timer = setInterval(update, 500);
  return () => clearInterval(timer);
});

export const clock = {
  /** Milliseconds since 1970 by the server's clock. */
  now(): number {
    return Date.now() + (ahead ?? 0);
  },
  /** The same; whoever reads it is run again twice a second. */
  get ticking(): number {
    everyHalfSecond();
    return clock.now();
  },
  /** Takes a time that the server said just now. It was later there already: so the latest that was said counts. */
  heard(time: Timestamp | undefined): void {
    if (time === undefined) return;
    const told = timestampMs(time) - Date.now();
    ahead = ahead === undefined ? told : Math.max(ahead, told);
  },
};
