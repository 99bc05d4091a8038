/**
 * Who is signed in. An issuer outside of Parkmesh gives tokens; in development `parkmesh up` and
 * `parkmesh token` do, and the sign-in view takes one, pasted or from `#token=…`.
 */

import { clock } from "./clock.svelte";
import { face } from "./face";
import { wakeAll } from "./wake";

/** What the app looks at of a token. The gateway and the services check it; this only tells the person. */
export interface Claims {
  /** Subject: the user. */
  readonly sub: string;
  readonly role: string;
  /** Seconds since 1970 at which it ends. */
  readonly exp: number;
  readonly scope: string;
  /** The lots that it is bound to; empty: not bound. */
  readonly lots: readonly string[];
}

/** Milliseconds before the end of a token at which the person is told. */
const NOTICE_MS = 5 * 60_000;
/** The longest that a timer of the browser can wait. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const keptAs = `parkmesh.token.${face()}`;

let token = $state<string>();
let claims = $state.raw<Claims>();
let expired = $state(false);
let endsSoon = $state(false);
let timer: ReturnType<typeof setTimeout> | undefined;

export const session = {
  /** What goes into `authorization: Bearer …`. */
  get token(): string | undefined {
    return token;
  },
  get claims(): Claims | undefined {
    return claims;
  },
  /** Whether there is a token that, as far as we know, is still good. */
  get valid(): boolean {
    return token !== undefined && !expired;
  },
  /** The token was good and is not any more: the view stays, and the person is asked to sign in again. */
  get expired(): boolean {
    return expired;
  },
  /** It ends within minutes. */
  get endsSoon(): boolean {
    return endsSoon && !expired;
  },
  /** Takes a token; false when it is none or, by the server's clock, over. */
  signIn(text: string): boolean {
    const read = readClaims(text.trim());
    if (read === undefined || leftOf(read) <= 0) return false;
    token = text.trim();
    claims = read;
    expired = false;
    localStorage.setItem(keptAs, token);
    attend();
    wakeAll();
    return true;
  },
  signOut(): void {
    clearTimeout(timer);
    token = undefined;
    claims = undefined;
    expired = false;
    localStorage.removeItem(keptAs);
  },
  /** The gateway says that the token is not good any more. */
  expire(): void {
    if (token !== undefined) expired = true;
  },
};

function readClaims(text: string): Claims | undefined {
  const body = text.split(".")[1];
  if (body === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(body.replaceAll("-", "+").replaceAll("_", "/")), (c) =>
      c.charCodeAt(0),
    );
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isClaims(json) ? { ...json, scope: json.scope ?? "", lots: json.lots ?? [] } : undefined;
  } catch {
    return undefined;
  }
}

function isClaims(json: unknown): json is Partial<Claims> & Pick<Claims, "sub" | "role" | "exp"> {
  const fields = { sub: "string", role: "string", exp: "number" };
  return (
    typeof json === "object" &&
    json !== null &&
    Object.entries(fields).every(([name, type]) => typeof Reflect.get(json, name) === type)
  );
}

/** Milliseconds for which a token is still good, by the clock of who judges it; without end until that is known. */
function leftOf({ exp }: Claims): number {
  return clock.known ? exp * 1000 - clock.now() : Infinity;
}

/** Looks at the end of the token when it comes near, and whenever the server turns out to have another time. */
function attend(): void {
  clearTimeout(timer);
  // What has ended stays so: the gateway may have said it before the clock does.
  if (claims === undefined || expired) return;
  const left = leftOf(claims);
  endsSoon = left <= NOTICE_MS;
  expired = left <= 0;
  if (expired) return;
  timer = setTimeout(attend, Math.min(endsSoon ? left : left - NOTICE_MS, TIMER_MAX_MS));
}

function takeFromAddress(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  // Whoever looks over a shoulder, or at the history, sees no token.
  if (given !== null) history.replaceState(null, "", location.pathname + location.search);
  return given;
}

clock.onmoved(attend);
const given = takeFromAddress() ?? localStorage.getItem(keptAs);
if (given !== null && !session.signIn(given)) localStorage.removeItem(keptAs);
