// Every view that a face can show, as its router says it; and the look at it that a story takes (`accessible(page, "…")`).

import { readFileSync } from "node:fs";

/** By face and view: what its look is called. */
export const LOOKS = {
  driver: {
    find: "finding",
    lot: "the lot",
    bookings: "driver, bookings, phone",
    messages: "driver, messages, phone",
    me: "driver, me, phone",
    booking: "the pass",
    Held: "the hold",
    Reserved: "the pass",
    Active: "staying longer",
    Claim: "are you in 42?",
    Done: "the receipt",
  },
  kiosk: {
    home: "kiosk, first page",
    walkIn: "kiosk, card",
    enter: "kiosk, a code",
    started: "kiosk, a spot",
    arrived: "kiosk, arrived",
    known: "kiosk, a known car",
    parked: "kiosk, a parked car",
    left: "kiosk, good-bye",
    help: "kiosk, help",
  },
  operator: {
    map: "operator, map, desk",
    reports: "operator, reports, desk",
    ground: "operator, ground, desk",
    bookings: "operator, bookings, desk",
    overstays: "operator, overstays, desk",
    closures: "operator, closures, desk",
    tariffs: "operator, tariffs, desk",
    discounts: "operator, discounts, desk",
    waitlist: "operator, waitlist, desk",
    audit: "operator, audit, desk",
    import: "operator, import, desk",
    new: "operator, a new lot",
    booking: "operator, a booking",
  },
};

/** The views that the routers know, by face. */
export function routed() {
  const driver = found("driver/Driver.svelte", /^ {4}(\w+): \(\) => import\(/gm);
  const states = found("driver/booking/Booking.svelte", /^ {6}<([A-Z]\w+) .*\{booking\}/gm);
  const kiosk = found("kiosk/flow.svelte.ts", /^ {2}\| \{ readonly name: "(\w+)"/gm);
  const operator = found("operator/LotShell.svelte", /^ {4}\{ name: "(\w+)", icon/gm);
  return {
    driver: ["find", ...driver, ...states],
    kiosk,
    operator: [...operator, "new", "booking"],
  };
}

/** The file that the picture of a look is kept in. */
export function pictureOf(look) {
  return `${look.replace(/[^a-z0-9]+/gi, "-").replace(/-$/, "")}.webp`;
}

function found(file, pattern) {
  const text = readFileSync(new URL(`../../../app/src/${file}`, import.meta.url), "utf8");
  const names = [...text.matchAll(pattern)].map((one) => one[1]);
  if (names.length === 0) throw new Error(`${file} names no view any more`);
  return [...new Set(names)];
}
