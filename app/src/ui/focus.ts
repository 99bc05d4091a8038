/**
 * What has the focus may vanish: a button with what it did, a row with what it removed. Whoever has a keyboard then goes on at
 * the top of what is in front, and is told so by a screen reader, where a browser would leave them nowhere.
 */
export function keepFocus(): void {
  let last: EventTarget | null = null;
  addEventListener("focusin", (event) => {
    last = event.target;
  });
  const look = (): void => {
    const isLost = last instanceof Element && !last.isConnected && document.activeElement === document.body;
    if (!isLost) return;
    last = null;
    const dialog = [...document.querySelectorAll<HTMLElement>("dialog[open]")].at(-1);
    const top = dialog?.querySelector<HTMLElement>("button, input") ?? document.querySelector("h1");
    top?.focus({ preventScroll: true });
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}
