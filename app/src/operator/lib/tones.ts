/** Which states please, and which ask for somebody. */

import { BookingState } from "../../gen/parkmesh/booking/v1/booking_pb";
import { WaitlistState } from "../../gen/parkmesh/booking/v1/waitlist_pb";
import { SensorHealth } from "../../gen/parkmesh/sensor/v1/sensor_pb";

export type Tone = "plain" | "good" | "busy" | "warn" | "bad";

export function bookingTone(state: BookingState): Tone {
  switch (state) {
    case BookingState.ACTIVE:
      return "good";
    case BookingState.RESERVED:
      return "busy";
    case BookingState.HELD:
      return "warn";
    case BookingState.NO_SHOW:
      return "bad";
    default:
      return "plain";
  }
}

export function healthTone(health: SensorHealth): Tone {
  switch (health) {
    case SensorHealth.OK:
      return "good";
    case SensorHealth.SUSPECT:
      return "warn";
    case SensorHealth.SILENT:
      return "bad";
    default:
      return "plain";
  }
}

export function waitTone(state: WaitlistState): Tone {
  switch (state) {
    case WaitlistState.WAITING:
      return "busy";
    case WaitlistState.OFFERED:
      return "warn";
    case WaitlistState.TAKEN:
      return "good";
    default:
      return "plain";
  }
}
