/**
 * Writes carry a request id: the same id with the same body has one effect. An intent is one wish of the person.
 * It keeps its id while the outcome is unknown, and repeats by itself what the network swallowed.
 */

import { explain } from "./errors";
import { rest } from "./wake";

/** How often a call is made before the person is asked. */
const ATTEMPTS_MAX = 4;
const FIRST_WAIT_MS = 400;

export class Intent {
  #id = crypto.randomUUID();
  #body = "";

  /**
   * Makes a call with the id of this wish, or a new id when the body is another one. `body` is what makes the
   * wish: whatever goes into the request beside the id.
   */
  async run<T>(body: unknown, call: (requestId: string) => Promise<T>): Promise<T> {
    const text = JSON.stringify(body, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    if (text !== this.#body) this.renew();
    this.#body = text;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call(this.#id);
      } catch (error) {
        const told = explain(error);
        // A refusal is an answer: what is asked after it is a new wish.
        if (!told.retry) this.renew();
        if (!told.retry || attempt === ATTEMPTS_MAX) throw error;
        const wait = told.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1);
        await rest(wait, AbortSignal.timeout(wait));
      }
    }
  }

  /** The wish is done, or another one. */
  renew(): void {
    this.#id = crypto.randomUUID();
    this.#body = "";
  }
}
