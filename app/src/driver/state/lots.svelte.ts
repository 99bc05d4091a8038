/** Lots and their floors, read once and kept: they hardly ever change. */

import type { Floor, Lot } from "../../gen/parkmesh/booking/v1/inventory_pb";
import { inventory } from "../api";

export interface LotFloors {
  readonly lot: Lot;
  /** By number. */
  readonly floors: readonly Floor[];
}

const known = new Map<string, Promise<LotFloors>>();

/** The lot and its floors. */
export function lotFloors(lotId: string): Promise<LotFloors> {
  const kept = known.get(lotId);
  if (kept !== undefined) return kept;
  const reading = read(lotId);
  known.set(lotId, reading);
  // What failed is not kept.
  reading.catch(() => known.delete(lotId));
  return reading;
}

async function read(lotId: string): Promise<LotFloors> {
  const [{ lot }, { floors }] = await Promise.all([
    inventory.getLot({ lotId }),
    inventory.listFloors({ lotId }),
  ]);
  if (lot === undefined) throw new Error("the answer holds no lot");
  return { lot, floors: floors.toSorted((a, b) => a.floorNumber - b.floorNumber) };
}
