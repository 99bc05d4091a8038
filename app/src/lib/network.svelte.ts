/** What the person is told of the network: that there is none, or that it is slow. */

/** Milliseconds after which an answer is late enough to say so. */
const SLOW_MS = 2_500;

let online = $state(navigator.onLine);
let late = $state(0);

addEventListener("online", () => (online = true));
addEventListener("offline", () => (online = false));

export const network = {
  get online(): boolean {
    return online;
  },
  /** Some answer is late just now. */
  get slow(): boolean {
    return online && late > 0;
  },
};

/** Notes a call as late while it lasts longer than it should. */
export async function timed<T>(call: Promise<T>): Promise<T> {
  let counted = false;
  const timer = setTimeout(() => {
    counted = true;
    late += 1;
  }, SLOW_MS);
  try {
    return await call;
  } finally {
    clearTimeout(timer);
    if (counted) late -= 1;
  }
}
