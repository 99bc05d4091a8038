/** One booking, live, with its lot. */

import { BookingState, type Booking } from "../../gen/parkmesh/booking/v1/booking_pb";
import type { WatchBookingResponse } from "../../gen/parkmesh/booking/v1/booking_service_pb";
import { Loader } from "../../lib/loader.svelte";
import { ms } from "../../lib/time";
import { Watch } from "../../lib/watch.svelte";
import { booking as service } from "../api";
import { lotFloors, type LotFloors } from "../state/lots.svelte";

export class LiveBooking {
  /** Unset until the first answer. */
  booking = $state.raw<Booking>();
  readonly place = new Loader<LotFloors>();
  readonly watch: Watch<WatchBookingResponse>;

  constructor(bookingId: string) {
    this.watch = new Watch({
      open: (signal) =>
        service.watchBooking({ bookingId, afterVersion: this.booking?.version ?? 0n }, { signal }),
      take: ({ booking }) => this.take(booking),
    });
  }

  /** Takes what a call or the stream answered, unless something newer is known. */
  take(booking: Booking | undefined): void {
    if (booking === undefined || booking.version < (this.booking?.version ?? 0n)) return;
    if (this.booking === undefined) void this.place.load(() => lotFloors(booking.lotId));
    this.booking = booking;
  }

  close(): void {
    this.watch.close();
    this.place.stop();
  }
}

/** When it begins and ends. */
export function spanOf(booking: Booking): { start: number; end: number } {
  return { start: ms(booking.window?.startTime) ?? 0, end: ms(booking.window?.endTime) ?? 0 };
}

/** Whether nothing happens to it any more. */
export function isOver(booking: Booking): boolean {
  return ![BookingState.HELD, BookingState.RESERVED, BookingState.ACTIVE].includes(booking.state);
}
