/** Who has stayed too long. No call lists it: it follows from open sessions, from discrepancies, and from what was charged. */

import { BookingState, type Booking } from "../../gen/parkmesh/booking/v1/booking_pb";
import { BookingService } from "../../gen/parkmesh/booking/v1/booking_service_pb";
import { DiscrepancyKind, type Discrepancy } from "../../gen/parkmesh/sensor/v1/sensor_pb";
import { SensorService } from "../../gen/parkmesh/sensor/v1/sensor_service_pb";
import { client } from "../../lib/client";
import { ms } from "../../lib/time";
import { all } from "../lib/pages";

export interface Overstays {
  /** Open sessions whose window is over. */
  readonly open: readonly Booking[];
  /** Cars that stand where a booking has ended. */
  readonly standing: readonly Discrepancy[];
  /** Bookings that were charged for it, newest first; of the last completed ones only. */
  readonly charged: readonly Booking[];
}

const booking = client(BookingService);
const sensor = client(SensorService);

export async function readOverstays(lotId: string, now: number, signal: AbortSignal): Promise<Overstays> {
  const [active, completed, discrepancies] = await Promise.all([
    all(
      (pageToken) =>
        booking.listBookings({ lotId, state: BookingState.ACTIVE, pageSize: 200, pageToken }, { signal }),
      (page) => page.bookings,
    ),
    booking.listBookings({ lotId, state: BookingState.COMPLETED, pageSize: 200 }, { signal }),
    all(
      (pageToken) => sensor.listDiscrepancies({ lotId, pageSize: 500, pageToken }, { signal }),
      (page) => page.discrepancies,
    ),
  ]);
  return {
    open: active.filter((one) => endOf(one) < now).sort((a, b) => endOf(a) - endOf(b)),
    standing: discrepancies.filter(
      (one) => one.kind === DiscrepancyKind.CAR_WITHOUT_SESSION && one.bookingId !== "",
    ),
    charged: completed.bookings.filter((one) => one.overstayAmount !== undefined),
  };
}

export function endOf(one: Booking): number {
  return ms(one.window?.endTime) ?? Infinity;
}
