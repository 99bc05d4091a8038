/** Addresses: the browser's history, and nothing else. The gateway answers all of them with index.html. */

let path = $state(location.pathname);
let search = $state(location.search);

export const route = {
  /** The path of the page, for example `/lots/0199…`. */
  get path(): string {
    return path;
  },
  /** What stands behind the question mark. */
  get query(): URLSearchParams {
    return new URLSearchParams(search);
  },
};

/** Goes to an address of the app; with `replace`, the page before it in the history stays the one before. */
export function go(to: string, options: { replace?: boolean } = {}): void {
  const url = new URL(to, location.href);
  history[options.replace ? "replaceState" : "pushState"](null, "", url);
  follow();
  if (!options.replace) scrollTo({ top: 0 });
}

/** The parts of a path that a pattern such as `/lots/:lot` names; undefined where it does not fit. */
export function match<Name extends string>(pattern: string, path: string): Record<Name, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== given.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    if (part.startsWith(":")) parts[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return undefined;
  }
  return parts;
}

/** Follows the history, and plain links to our own pages, without loading the page anew. */
export function startRouting(): void {
  addEventListener("popstate", follow);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || !ours(link, event)) return;
    event.preventDefault();
    go(link.href);
  });
}

function follow(): void {
  path = location.pathname;
  search = location.search;
}

function ours(link: HTMLAnchorElement, event: MouseEvent): boolean {
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  const here = link.origin === location.origin && !link.hash && link.target === "" && !link.download;
  return plain && here && !event.defaultPrevented;
}
