/** Makes what a file says: the floors that the lot does not have, then the spots. */

import type { Floor } from "../../gen/parkmesh/booking/v1/inventory_pb";
import { InventoryService } from "../../gen/parkmesh/booking/v1/inventory_service_pb";
import { SpotType } from "../../gen/parkmesh/common/v1/common_pb";
import { client } from "../../lib/client";
import { all } from "../lib/pages";
import { batchesOf, floorsOf, requestIdOf } from "./batches";
import type { SpotRow, SpotWord } from "./lot-file";

const inventory = client(InventoryService);
const PAGE_SIZE = 1000;

const TYPES: Readonly<Record<SpotWord, SpotType>> = {
  regular: SpotType.REGULAR,
  accessible: SpotType.ACCESSIBLE,
  ev: SpotType.EV,
  compact: SpotType.COMPACT,
  motorcycle: SpotType.MOTORCYCLE,
};

/** Numbers of the spots that a lot has. */
export async function takenNumbers(lotId: string): Promise<Set<string>> {
  const spots = await all(
    (pageToken) => inventory.listSpots({ lotId, pageSize: PAGE_SIZE, pageToken }),
    (page) => page.spots,
  );
  return new Set(spots.map((spot) => spot.spotNumber));
}

/** Makes it all, and says how many spots there are after each batch. Answers with how many floors were made. */
export async function makeSpots(
  lotId: string,
  spots: readonly SpotRow[],
  progress: (spotsMade: number) => void,
): Promise<number> {
  const { floors } = await inventory.listFloors({ lotId });
  const known = new Map(floors.map((floor) => [floor.floorNumber, floor]));
  const missing = floorsOf(spots).filter((floor) => !known.has(floor.number));
  for (const { number, name, width, height } of missing) {
    const requestId = await requestIdOf(lotId, "floor", String(number), name, String(width), String(height));
    const { floor } = await inventory.createFloor({
      requestId,
      lotId,
      floorNumber: number,
      name,
      planWidth: width,
      planHeight: height,
    });
    if (floor) known.set(number, floor);
  }
  let made = 0;
  for (const batch of batchesOf(spots)) {
    const floor = known.get(batch.floorNumber);
    if (floor === undefined) throw new Error(`floor ${batch.floorNumber} was not made`);
    await makeBatch(floor, batch.spots);
    made += batch.spots.length;
    progress(made);
  }
  return missing.length;
}

async function makeBatch({ floorId }: Floor, rows: readonly SpotRow[]): Promise<void> {
  const spots = rows.map((row) => ({
    spotNumber: row.spotNumber,
    spotType: TYPES[row.spotType],
    planX: row.x,
    planY: row.y,
    latitude: row.latitude,
    longitude: row.longitude,
  }));
  const requestId = await requestIdOf(floorId, JSON.stringify(spots));
  await inventory.batchCreateSpots({ requestId, floorId, spots });
}
