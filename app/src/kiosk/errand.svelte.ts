/**
 * Something that the kiosk does for whoever stands in front of it. A short loss of the network does not end it: it
 * is tried again with the same request id, so that it is done once, and the person sees that it is being tried.
 */

import { explain, type Told } from "../lib/errors";
import { Intent } from "../lib/intent";
import { rest } from "../lib/wake";

/** Nobody stands before a screen for longer. */
const PATIENCE_MS = 90_000;
const WAIT_MS = 1_500;

export class Errand {
  busy = $state(false);
  /** Tried in vain so far, and being tried again. */
  waiting = $state(false);
  told = $state.raw<Told>();

  readonly #intent = new Intent();
  #over = new AbortController();

  /** Makes the call; undefined when it was refused or given up, which `told` explains. */
  async run<T>(body: unknown, call: (requestId: string) => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined;
    this.#over = new AbortController();
    this.busy = true;
    this.told = undefined;
    try {
      return await this.#persist(body, call, Date.now() + PATIENCE_MS);
    } finally {
      this.busy = false;
      this.waiting = false;
    }
  }

  /** Tries no more. What was asked for may have been done: the same wish, wished again, finds out. */
  giveUp(): void {
    this.#over.abort();
  }

  async #persist<T>(
    body: unknown,
    call: (requestId: string) => Promise<T>,
    until: number,
  ): Promise<T | undefined> {
    for (;;) {
      try {
        const answer = await this.#intent.run(body, call);
        this.#intent.renew();
        return answer;
      } catch (error) {
        const told = explain(error);
        if (!told.retry || this.#over.signal.aborted || Date.now() > until) {
          this.told = told;
          return undefined;
        }
        this.waiting = true;
        await rest(told.retryAfterMs ?? WAIT_MS, this.#over.signal);
      }
    }
  }
}
