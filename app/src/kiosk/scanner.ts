/**
 * A QR reader is a keyboard that types very fast and ends with Enter. What is typed into a field goes there; what is
 * typed elsewhere is a code that somebody held to the reader.
 */

/** No person types so fast, key by key. */
const FAST_MS = 60;
const LETTERS_MIN = 4;

/** Calls with each code that is scanned; the answer stops listening. */
export function listenToScanner(onscan: (code: string) => void): () => void {
  let typed = "";
  let last = 0;
  const press = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement) return;
    const isFast = event.timeStamp - last < FAST_MS;
    last = event.timeStamp;
    if (!isFast) typed = "";
    if (event.key === "Enter" && typed.length >= LETTERS_MIN) {
      // The Enter of the reader shall not press the button that has the focus.
      event.preventDefault();
      onscan(typed);
      typed = "";
    } else if (event.key.length === 1) {
      typed += event.key;
    }
  };
  addEventListener("keydown", press, { capture: true });
  return () => removeEventListener("keydown", press, { capture: true });
}

/** The code in what a QR holds: the code alone, or an address that ends with it. */
export function codeOf(text: string): string {
  return (text.trim().split(/[/=]/).at(-1) ?? "").toUpperCase();
}
