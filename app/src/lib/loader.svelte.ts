/** Something that a view reads: the newest answer, whether it is being read, and what went wrong. */

import { explain, type Told } from "./errors";
import { rest } from "./wake";

const FIRST_WAIT_MS = 1_000;
const WAIT_MAX_MS = 15_000;

export class Loader<Value> {
  /** The newest answer; it stays while the next one is read. */
  value = $state.raw<Value>();
  told = $state.raw<Told>();
  busy = $state(false);

  #running: AbortController | undefined;

  /** Reads; what was being read before is dropped. Trouble that may pass is waited out, and told meanwhile. */
  async load(call: (signal: AbortSignal) => Promise<Value>): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.busy = true;
    for (let wait = FIRST_WAIT_MS; !running.signal.aborted; wait = Math.min(wait * 2, WAIT_MAX_MS)) {
      try {
        const value = await call(running.signal);
        if (running.signal.aborted) return;
        this.value = value;
        this.told = undefined;
        break;
      } catch (error) {
        if (running.signal.aborted) return;
        this.told = explain(error);
        if (!this.told.retry) break;
        await rest(this.told.retryAfterMs ?? wait, running.signal);
      }
    }
    if (this.#running === running) this.busy = false;
  }

  /** Reads no more. */
  stop(): void {
    this.#running?.abort();
    this.busy = false;
  }
}
