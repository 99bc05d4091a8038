import { dictionary } from "../../lib/i18n.svelte";

export const t = dictionary(
  {
    kind: "Kind of spot",
    floor: "Floor",
    freeNow: (free: number) => `${free} free now`,
    live: "Live",
    paused: "Not live just now",
    usually: (free: number, error: number) =>
      error > 0
        ? `At that time about ${free} are usually free, give or take ${error}.`
        : `At that time about ${free} are usually free.`,
    plan: "Choose a spot, or take any",
    planSoft: "Tap a free spot on the plan to choose it.",
    any: (kind: string) => `Any spot · ${kind}`,
    chosen: (number: string, kind: string) => `Spot ${number} · ${kind}`,
    letGo: "Any spot instead",
    reserve: "Reserve",
    wait: "Join the waitlist",
    waitLead: "What becomes free goes to those who wait, in order, before anybody else.",
    joined: (place: number) => `You are number ${place} in line. We tell you when a spot is yours.`,
    instead: "Free instead:",
    legend: "What the plan shows",
    legendOf: { free: "free", occupied: "taken", reserved: "reserved", closed: "closed" },
    notFree: (number: string) => `Spot ${number} is not free for your time.`,
  },
  {
    kind: "Art des Platzes",
    floor: "Etage",
    freeNow: (free) => `${free} jetzt frei`,
    live: "Live",
    paused: "Gerade nicht live",
    usually: (free, error) =>
      error > 0
        ? `Zu dieser Zeit sind meist etwa ${free} frei, ${error} mehr oder weniger.`
        : `Zu dieser Zeit sind meist etwa ${free} frei.`,
    plan: "Einen Platz wählen oder irgendeinen nehmen",
    planSoft: "Tippen Sie auf dem Plan einen freien Platz an.",
    any: (kind) => `Irgendein Platz · ${kind}`,
    chosen: (number, kind) => `Platz ${number} · ${kind}`,
    letGo: "Doch irgendeinen",
    reserve: "Reservieren",
    wait: "Auf die Warteliste",
    waitLead: "Was frei wird, geht zuerst der Reihe nach an alle, die warten.",
    joined: (place) =>
      `Sie sind Nummer ${place} in der Schlange. Wir sagen Bescheid, wenn ein Platz Ihrer ist.`,
    instead: "Stattdessen frei:",
    legend: "Was der Plan zeigt",
    legendOf: { free: "frei", occupied: "besetzt", reserved: "reserviert", closed: "gesperrt" },
    notFree: (number) => `Platz ${number} ist in Ihrer Zeit nicht frei.`,
  },
);
