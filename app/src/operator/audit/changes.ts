/** What an operator changed, from what stood before and after. */

export interface FieldChange {
  /** Dotted path of the field. */
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

/** Fields that differ between two JSON objects, as the audit record keeps them; either may be empty. */
export function changesOf(beforeJson: string, afterJson: string): FieldChange[] {
  const [before, after] = [flatten(beforeJson), flatten(afterJson)];
  const fields = [...new Set([...before.keys(), ...after.keys()])];
  return fields
    .filter((field) => before.get(field) !== after.get(field))
    .map((field) => ({ field, before: before.get(field) ?? "", after: after.get(field) ?? "" }));
}

function flatten(json: string): Map<string, string> {
  const found = new Map<string, string>();
  try {
    collect(json === "" ? {} : JSON.parse(json), "", found);
  } catch {
    found.set("", json);
  }
  return found;
}

function collect(value: unknown, path: string, found: Map<string, string>): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value))
      collect(inner, path === "" ? key : `${path}.${key}`, found);
  } else {
    found.set(path, typeof value === "string" ? value : JSON.stringify(value));
  }
}
