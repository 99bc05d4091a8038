/** A write that the person asks for by a tap: under way, refused, or done. */

import { explain, type Told } from "./errors";
import { Intent } from "./intent";

export class Action {
  busy = $state(false);
  told = $state.raw<Told>();

  readonly #intent = new Intent();

  /** Makes the call, and gives its answer; undefined when it was refused, which `told` explains. */
  async run<T>(body: unknown, call: (requestId: string) => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    this.told = undefined;
    try {
      const answer = await this.#intent.run(body, call);
      this.#intent.renew();
      return answer;
    } catch (error) {
      this.told = explain(error);
      return undefined;
    } finally {
      this.busy = false;
    }
  }
}
