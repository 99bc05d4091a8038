import { dictionary } from "../../lib/i18n.svelte";

export const t = dictionary(
  {
    title: "Messages",
    none: "Nothing yet",
    noneHelp: "What happens with your bookings is told here, at once.",
    isNew: "new",
  },
  {
    title: "Nachrichten",
    none: "Noch nichts",
    noneHelp: "Was mit Ihren Buchungen geschieht, steht hier – sofort.",
    isNew: "neu",
  },
);
