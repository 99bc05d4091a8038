/**
 * What a view reads. It is loaded when the view opens and whenever what it depends on changes; the last answer
 * stays while the next one is awaited, and also when that fails, so that nobody's screen goes blank.
 */

import { rest } from "../../lib/wake";

/** Waits longer after each failure in a row, up to this many times the usual wait. */
const PATIENCE_MAX = 8;

export class Resource<T> {
  value = $state.raw<T | undefined>();
  /** Why the last attempt failed; undefined once one has succeeded again. */
  failure = $state.raw<unknown>();
  loading = $state(false);
  #turn = $state(0);

  /** `load` runs at once and again whenever a signal changes that it reads before its first `await`; with `everyMs` also then. */
  constructor(load: (signal: AbortSignal) => Promise<T>, everyMs?: number) {
    $effect(() => {
      void this.#turn;
      const over = new AbortController();
      void this.#keep(load, load(over.signal), over.signal, everyMs);
      return () => over.abort();
    });
  }

  /** Loads anew. */
  refresh(): void {
    this.#turn += 1;
  }

  async #keep(
    load: (signal: AbortSignal) => Promise<T>,
    first: Promise<T>,
    over: AbortSignal,
    everyMs: number | undefined,
  ): Promise<void> {
    for (let answer = first, patience = 1; ; answer = load(over)) {
      const failed = await this.#take(answer, over);
      if (over.aborted || (everyMs === undefined && !failed)) return;
      patience = failed ? Math.min(patience * 2, PATIENCE_MAX) : 1;
      await rest((everyMs ?? 2_000) * patience, over);
      if (over.aborted) return;
    }
  }

  /** Takes an answer in; true when it is a failure. */
  async #take(answer: Promise<T>, over: AbortSignal): Promise<boolean> {
    this.loading = true;
    try {
      const value = await answer;
      if (over.aborted) return false;
      this.value = value;
      this.failure = undefined;
      return false;
    } catch (error) {
      if (over.aborted) return false;
      this.failure = error;
      return true;
    } finally {
      if (!over.aborted) this.loading = false;
    }
  }
}
