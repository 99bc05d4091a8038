/** A list that grows by pages, as far as the person wants to look. */

export interface PageOf<Row> {
  readonly rows: readonly Row[];
  readonly nextPageToken: string;
}

export class Paged<Row> {
  rows = $state.raw<readonly Row[]>([]);
  /** Nothing has been answered yet. */
  fresh = $state(true);
  loading = $state(false);
  failure = $state.raw<unknown>();
  #next = $state("");
  #read: (pageToken: string, signal: AbortSignal) => Promise<PageOf<Row>>;
  #over = new AbortController();

  /** Reads the first page now, and again whenever a signal changes that `read` reads before its first `await`. */
  constructor(read: (pageToken: string, signal: AbortSignal) => Promise<PageOf<Row>>) {
    this.#read = read;
    $effect(() => {
      this.#begin();
      return () => this.#over.abort();
    });
  }

  get hasMore(): boolean {
    return this.#next !== "";
  }

  more(): void {
    if (this.loading || !this.hasMore) return;
    void this.#take(this.#read(this.#next, this.#over.signal), this.#over.signal, false);
  }

  /** Reads the list anew from its beginning. */
  refresh(): void {
    this.#over.abort();
    this.#begin();
  }

  #begin(): void {
    this.#over = new AbortController();
    void this.#take(this.#read("", this.#over.signal), this.#over.signal, true);
  }

  async #take(answer: Promise<PageOf<Row>>, over: AbortSignal, first: boolean): Promise<void> {
    this.loading = true;
    try {
      const page = await answer;
      if (over.aborted) return;
      this.rows = first ? page.rows : [...this.rows, ...page.rows];
      this.#next = page.nextPageToken;
      this.failure = undefined;
      this.fresh = false;
    } catch (error) {
      if (!over.aborted) this.failure = error;
    } finally {
      if (!over.aborted) this.loading = false;
    }
  }
}
