import { dictionary } from "../../lib/i18n.svelte";

export const answerTexts = dictionary(
  {
    old: "This is from before: it could not be read anew.",
    more: "Show more",
    refresh: "Read anew",
  },
  {
    old: "Das ist von vorhin: neu lesen ließ es sich nicht.",
    more: "Mehr zeigen",
    refresh: "Neu lesen",
  },
);
