import { dictionary } from "../../lib/i18n.svelte";

export const auditTexts = dictionary(
  {
    title: "Audit",
    about: "What operators did to this lot. Nothing here is ever changed or removed.",
    none: "Nobody has done anything to this lot yet.",
    changes: (count: number) => (count === 1 ? "1 field" : `${count} fields`),
    field: "Field",
    before: "Before",
    after: "After",
    object: (id: string) => `Object ${id}`,
  },
  {
    title: "Protokoll",
    about: "Was Betreiber mit diesem Parkhaus gemacht haben. Hier wird nie etwas geändert oder entfernt.",
    none: "Noch hat niemand etwas mit diesem Parkhaus gemacht.",
    changes: (count) => (count === 1 ? "1 Feld" : `${count} Felder`),
    field: "Feld",
    before: "Vorher",
    after: "Nachher",
    object: (id) => `Objekt ${id}`,
  },
);
