/** Where the person is. Whatever they do leads here, and back home when they are gone. */

import type { Booking } from "../gen/parkmesh/booking/v1/booking_pb";
import { ms } from "../lib/time";

export type Purpose = "arrive" | "leave";

export type Step =
  | { readonly name: "home" }
  | { readonly name: "walkIn" }
  | { readonly name: "enter"; readonly purpose: Purpose; readonly code?: string }
  | { readonly name: "started"; readonly booking: Booking }
  | { readonly name: "arrived"; readonly booking: Booking }
  | { readonly name: "known" }
  | { readonly name: "parked"; readonly booking: Booking }
  | { readonly name: "left"; readonly booking: Booking }
  | { readonly name: "help" };

/** Whoever came less than this ago came just now. */
const JUST_NOW_MS = 90_000;

class Flow {
  step = $state.raw<Step>({ name: "home" });

  go(step: Step): void {
    this.step = step;
  }

  home(): void {
    this.step = { name: "home" };
  }

  /** What follows when a code was given: the kiosk knows a booking by checking it in, which changes nothing for a car that is there. */
  found(booking: Booking, purpose: Purpose, nowMs: number): void {
    const arrived = ms(booking.arriveTime);
    const isNew = purpose === "arrive" && arrived !== undefined && nowMs - arrived < JUST_NOW_MS;
    this.step = { name: isNew ? "arrived" : "parked", booking };
  }
}

export const flow = new Flow();
