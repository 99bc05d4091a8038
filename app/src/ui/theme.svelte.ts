/** Light, dark, or as the system has it. */

export type Theme = "system" | "light" | "dark";

const KEPT_AS = "parkmesh.theme";

let current = $state<Theme>("system");

export const theme = {
  get current(): Theme {
    return current;
  },
  choose(wanted: Theme): void {
    current = wanted;
    localStorage.setItem(KEPT_AS, wanted);
    if (wanted === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = wanted;
  },
};

/** Puts on what was chosen last time. */
export function startTheme(): void {
  const kept = localStorage.getItem(KEPT_AS);
  if (kept === "light" || kept === "dark") theme.choose(kept);
}
