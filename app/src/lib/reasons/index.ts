import { dictionary } from "../i18n.svelte";
import { german } from "./de";
import { english } from "./en";

/** What each reason of docs/errors.md means for a person: what happened, and what to do next. */
export type Reasons = Readonly<Record<string, readonly [what: string, next: string]>>;

export const reasons = dictionary<Reasons>(english, german);
