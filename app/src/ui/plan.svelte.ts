/** What a floor plan shows: spots with a place and a look. */

import { SpotStatus, type SpotType } from "../gen/parkmesh/common/v1/common_pb";
import type { SpotState } from "../gen/parkmesh/availability/v1/availability_pb";

export type SpotLook = "free" | "reserved" | "occupied" | "unknown" | "closed" | "chosen" | "mine";

/** A spot on a plan. When its look changes, it alone is drawn anew. */
export class PlanSpot {
  readonly id: string;
  readonly number: string;
  readonly type: SpotType;
  readonly x: number;
  readonly y: number;
  look = $state<SpotLook>("unknown");

  constructor(spot: SpotState, look = lookOf(spot.status)) {
    this.id = spot.spotId;
    this.number = spot.spotNumber;
    this.type = spot.spotType;
    this.x = spot.planX;
    this.y = spot.planY;
    this.look = look;
  }
}

const LOOKS: Record<SpotStatus, SpotLook> = {
  [SpotStatus.UNSPECIFIED]: "unknown",
  [SpotStatus.AVAILABLE]: "free",
  [SpotStatus.RESERVED]: "reserved",
  [SpotStatus.OCCUPIED]: "occupied",
  [SpotStatus.UNKNOWN]: "unknown",
  [SpotStatus.OUT_OF_SERVICE]: "closed",
};

/** How a spot looks by what stands there now. */
export function lookOf(status: SpotStatus): SpotLook {
  return LOOKS[status] ?? "unknown";
}

/** Sizes of a plan, in its own units: of a spot, and of the field that holds all of them. */
export interface PlanSize {
  readonly pitch: number;
  readonly spotWidth: number;
  readonly spotHeight: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A parking spot in metres, where the plan does not say it. */
const USUAL_PITCH = 2.5;
/** A spot is about twice as long as it is wide. */
const LENGTH_OF_WIDTH = 2;

/** Finds the sizes from where the spots are, since a plan tells places only. */
export function planSize(spots: readonly PlanSpot[]): PlanSize {
  const xs = spots.map((spot) => spot.x);
  const ys = spots.map((spot) => spot.y);
  const pitch = smallestStep(spots);
  const spotWidth = pitch * 0.86;
  const rows = [...new Set(ys)].sort((a, b) => a - b);
  const rowStep = Math.min(...rows.slice(1).map((y, index) => y - (rows[index] ?? 0)));
  const spotHeight = Math.min(spotWidth * LENGTH_OF_WIDTH, rowStep > pitch * 0.5 ? rowStep * 0.9 : Infinity);
  const margin = pitch * 0.5;
  const [left, top] = [Math.min(...xs, Infinity) - margin, Math.min(...ys, Infinity) - margin];
  return {
    pitch,
    spotWidth,
    spotHeight,
    left: Number.isFinite(left) ? left : 0,
    top: Number.isFinite(top) ? top : 0,
    width: spots.length === 0 ? pitch : Math.max(...xs) - left + spotWidth + margin,
    height: spots.length === 0 ? pitch : Math.max(...ys) - top + spotHeight + margin,
  };
}

/** The smallest distance between two spots of a row. */
function smallestStep(spots: readonly PlanSpot[]): number {
  const sorted = [...spots].sort((a, b) => a.y - b.y || a.x - b.x);
  let smallest = Infinity;
  for (const [index, spot] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next?.y === spot.y && next.x > spot.x) smallest = Math.min(smallest, next.x - spot.x);
  }
  return Number.isFinite(smallest) ? smallest : USUAL_PITCH;
}

const DIRECTIONS: Record<string, readonly [number, number]> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
};
/** A spot that lies aside of the way counts as so much farther. */
const ASIDE = 4;

/** The place that an arrow key leads to; undefined for other keys and at the edge. */
export function neighbour<Place extends { readonly x: number; readonly y: number }>(
  spots: readonly Place[],
  from: Place,
  key: string,
): Place | undefined {
  const direction = DIRECTIONS[key];
  if (direction === undefined) return undefined;
  const [dx, dy] = direction;
  let best: Place | undefined;
  let least = Infinity;
  for (const spot of spots) {
    const ahead = (spot.x - from.x) * dx + (spot.y - from.y) * dy;
    const aside = Math.abs((spot.x - from.x) * dy) + Math.abs((spot.y - from.y) * dx);
    if (ahead > 0 && ahead + aside * ASIDE < least) {
      least = ahead + aside * ASIDE;
      best = spot;
    }
  }
  return best;
}
