/**
 * A plate, typed at the kiosk, is what a camera at a gate would have read: booking finds out whose car it is and grants
 * the passage. A plate can be read by everybody, so that the kiosk is told whether it is known, and not whose it is.
 */

import { GateDirection } from "../gen/parkmesh/common/v1/common_pb";
import { SensorService } from "../gen/parkmesh/sensor/v1/sensor_service_pb";
import { client } from "../lib/client";
import { session } from "../lib/session.svelte";
import type { Purpose } from "./flow.svelte";

/** What a kiosk's token must grant for it. */
const PLATE_SCOPE = "sensor.write";

/** Whether this kiosk may take plates. */
export function takesPlates(): boolean {
  return session.claims?.scope.split(" ").includes(PLATE_SCOPE) === true;
}

const sensor = client(SensorService);
const GATE = "kiosk";
/** How long it may take until whose car it is has gone round. */
const ANSWER_MS = 8_000;

/** Whether the car was known, and has arrived or may go. */
export async function announcePlate(
  lotId: string,
  plate: string,
  purpose: Purpose,
  requestId: string,
): Promise<boolean> {
  const over = new AbortController();
  const granted = new Set<string>();
  const listening = listen(lotId, granted, over.signal);
  try {
    const direction = purpose === "arrive" ? GateDirection.ENTRY : GateDirection.EXIT;
    const { plateReadId } = await sensor.submitPlateRead({
      requestId,
      lotId,
      gateId: GATE,
      direction,
      plate,
    });
    return await Promise.race([heard(granted, plateReadId, over.signal), listening.then(() => false)]);
  } finally {
    over.abort();
  }
}

/** Notes passages as they are granted. */
async function listen(lotId: string, granted: Set<string>, signal: AbortSignal): Promise<void> {
  try {
    for await (const { passage } of sensor.watchPassages({ lotId, gateId: GATE }, { signal })) {
      if (passage) granted.add(passage.plateReadId);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Looks for a while whether a passage was granted for a reading. */
async function heard(
  granted: ReadonlySet<string>,
  plateReadId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const LOOK_MS = 100;
  for (let waited = 0; waited < ANSWER_MS && !signal.aborted; waited += LOOK_MS) {
    if (granted.has(plateReadId)) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return false;
}
