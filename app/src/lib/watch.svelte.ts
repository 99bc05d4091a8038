/**
 * A stream that goes on: through sleep, loss of the network, a restart of the gateway and the end of a token.
 * Who opens it says where to go on from, so that nothing is missed and nothing is told twice.
 */

import { untrack } from "svelte";
import { explain, type Told } from "./errors";
import { session } from "./session.svelte";
import { rest } from "./wake";

/** `live`: messages or heartbeats come. `waiting`: they do not, and it is tried again. `ended`: it is not. */
export type WatchState = "connecting" | "live" | "waiting" | "ended";

export interface WatchOptions<Message> {
  /** Opens the stream, from where the last one was left. */
  open(signal: AbortSignal): AsyncIterable<Message>;
  /** Takes a message; heartbeats too. */
  take(message: Message): void;
}

/** The servers' heartbeat is 15 s: who says nothing for so long is gone. */
const SILENT_MS = 35_000;
/** Looked at so often; a laptop that slept is noticed then. */
const LOOK_MS = 5_000;
/** A page that nobody sees for so long gives its connection back; HTTP/1.1 has six of them. */
const HIDDEN_MS = 60_000;
const FIRST_WAIT_MS = 300;
const WAIT_MAX_MS = 15_000;
/** Ends that are no trouble: it is opened again at once. */
const SOFT_ENDS: ReadonlySet<string> = new Set([
  "STREAM_EXPIRED",
  "STREAM_LIFE_OVER",
  "CONNECTION_RETIRES",
  "SHUTTING_DOWN",
]);

export class Watch<Message> {
  state = $state<WatchState>("connecting");
  /** Why it waits or has ended. */
  problem = $state.raw<Told>();

  readonly #options: WatchOptions<Message>;
  readonly #closed = new AbortController();
  #heard = Date.now();
  #failures = 0;

  constructor(options: WatchOptions<Message>) {
    this.#options = options;
    // Whoever makes it in an effect does not depend on what is looked at here.
    untrack(() => void this.#run());
  }

  /** Ends it for good. */
  close(): void {
    this.#closed.abort();
    this.state = "ended";
  }

  async #run(): Promise<void> {
    const closed = this.#closed.signal;
    while (!closed.aborted) {
      if (this.#mayRun()) {
        const wait = await this.#once();
        if (wait === undefined) return;
        await rest(wait, closed);
      } else {
        this.state = "waiting";
        await rest(WAIT_MAX_MS, closed);
      }
    }
  }

  #mayRun(): boolean {
    return session.valid && navigator.onLine && document.visibilityState === "visible";
  }

  /** Follows one stream to its end; the milliseconds to wait before the next, or undefined for none. */
  async #once(): Promise<number | undefined> {
    const attempt = new AbortController();
    const stop = this.#guard(attempt);
    try {
      for await (const message of this.#options.open(attempt.signal)) {
        this.#heard = Date.now();
        this.#failures = 0;
        this.state = "live";
        this.problem = undefined;
        this.#options.take(message);
      }
      return FIRST_WAIT_MS;
    } catch (error) {
      return this.#after(error, attempt.signal.aborted);
    } finally {
      stop();
    }
  }

  #after(error: unknown, byUs: boolean): number | undefined {
    if (this.#closed.signal.aborted) return undefined;
    const told = explain(error);
    if (SOFT_ENDS.has(told.reason)) return FIRST_WAIT_MS * Math.random();
    if (!byUs && !told.retry && session.valid) {
      this.state = "ended";
      this.problem = told;
      return undefined;
    }
    this.state = "waiting";
    this.problem = told;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, WAIT_MAX_MS);
    this.#failures += 1;
    // All who lost the same gateway shall not come back at the same moment.
    return Math.max(told.retryAfterMs ?? 0, wait * (0.5 + Math.random() / 2));
  }

  /** Breaks an attempt off that nothing is heard of, or that nobody looks at. */
  #guard(attempt: AbortController): () => void {
    this.#heard = Date.now();
    let hiddenSince: number | undefined;
    const look = (): void => {
      const now = Date.now();
      const hidden = document.visibilityState === "hidden";
      hiddenSince = hidden ? (hiddenSince ?? now) : undefined;
      const unseen = hiddenSince !== undefined && now - hiddenSince > HIDDEN_MS;
      if (unseen || now - this.#heard > SILENT_MS || !navigator.onLine || !session.valid) attempt.abort();
    };
    const close = (): void => attempt.abort();
    const timer = setInterval(look, LOOK_MS);
    const events = ["online", "offline", "visibilitychange"];
    for (const event of events) addEventListener(event, look, { capture: true });
    this.#closed.signal.addEventListener("abort", close);
    return () => {
      clearInterval(timer);
      for (const event of events) removeEventListener(event, look, { capture: true });
      this.#closed.signal.removeEventListener("abort", close);
    };
  }
}
