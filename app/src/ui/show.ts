import { mount, type Component } from "svelte";
import { startRouting } from "../lib/route.svelte";
import { keepFocus } from "./focus";
import { startTheme } from "./theme.svelte";

/** Puts a face on the page. */
export function show(face: Component): void {
  const target = document.getElementById("app");
  if (target === null) throw new Error("index.html has no #app");
  startTheme();
  startRouting();
  keepFocus();
  mount(face, { target });
}
