import { dictionary } from "../../lib/i18n.svelte";

export const t = dictionary(
  {
    title: "Messages",
    none: "Nothing yet",
    noneHelp: "What happens with your bookings is told here, at once.",
    isNew: "new",
    deeds: {
      pay: "Pay another way",
      confirm: "Confirm",
      claim: "Say whether it is yours",
      extend: "Stay longer",
    },
  },
  {
    title: "Nachrichten",
    none: "Noch nichts",
    noneHelp: "Was mit Ihren Buchungen geschieht, steht hier – sofort.",
    isNew: "neu",
    deeds: {
      pay: "Anders bezahlen",
      confirm: "Bestätigen",
      claim: "Sagen, ob es Ihres ist",
      extend: "Länger bleiben",
    },
  },
);
