import { dictionary } from "../../lib/i18n.svelte";

export const waitlistTexts = dictionary(
  {
    title: "Waitlist",
    about:
      "Who waits for a place that is sold out. What becomes free is offered in this order before anybody else may have it.",
    none: "Nobody is in line like this.",
    place: "Place",
    line: "Line",
    window: "Window",
    state: "State",
    joined: "Joined",
    ago: (time: string) => `${time} ago`,
    note: "Note",
    offer: (left: string) => `offer ends in ${left}`,
    booking: "Offer",
    show: "Show",
  },
  {
    title: "Warteliste",
    about:
      "Wer auf einen ausverkauften Platz wartet. Was frei wird, geht in dieser Reihenfolge an sie, vor allen anderen.",
    none: "So steht niemand an.",
    place: "Stelle",
    line: "Reihe",
    window: "Zeit",
    state: "Stand",
    joined: "Seit",
    ago: (time) => `${time}`,
    note: "Bemerkung",
    offer: (left) => `Angebot endet in ${left}`,
    booking: "Angebot",
    show: "Zeigen",
  },
);
