/** Waiting that ends early when there is a reason to look again: the page is shown, the network is back, somebody signed in. */

const bell = new EventTarget();

/** Ends all waits. */
export function wakeAll(): void {
  bell.dispatchEvent(new Event("wake"));
}

addEventListener("online", wakeAll);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") wakeAll();
});

/** Waits so many milliseconds, less when woken or when `signal` says that nobody waits any more. */
export function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    bell.addEventListener("wake", done);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      bell.removeEventListener("wake", done);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
