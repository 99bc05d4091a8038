/** Parts of a line, with a dot between those that are there. */
export function dotted(...parts: (string | undefined)[]): string {
  return parts.filter(Boolean).join(" · ");
}
