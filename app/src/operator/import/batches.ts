// How a file becomes calls. A browser cannot stream requests, so that ImportSpots is not for it: floors are made one by one, and spots a
// thousand at a time, all or none. Request ids follow from the lot and the content, so that an import that broke off is simply run again.

import type { SpotRow } from "./lot-file";

/** Most spots that BatchCreateSpots takes. */
export const BATCH_SPOTS_MAX = 1000;

export interface NewFloor {
  readonly number: number;
  readonly name: string;
  readonly width: number;
  readonly height: number;
}

export interface Batch {
  readonly floorNumber: number;
  readonly spots: readonly SpotRow[];
}

/** Floors of the file, by number, with plans that their spots fit on. */
export function floorsOf(spots: readonly SpotRow[]): NewFloor[] {
  const numbers = [...new Set(spots.map((spot) => spot.floorNumber))].sort((a, b) => a - b);
  return numbers.map((number) => {
    const here = spots.filter((spot) => spot.floorNumber === number);
    return {
      number,
      name: here.find((spot) => spot.floorName !== "")?.floorName ?? `Level ${number}`,
      width: Math.max(0, ...here.map((spot) => spot.x)),
      height: Math.max(0, ...here.map((spot) => spot.y)),
    };
  });
}

/** Spots by floor, as many at a time as one call takes. */
export function batchesOf(spots: readonly SpotRow[]): Batch[] {
  const batches: Batch[] = [];
  for (const { number } of floorsOf(spots)) {
    const here = spots.filter((spot) => spot.floorNumber === number);
    for (let from = 0; from < here.length; from += BATCH_SPOTS_MAX) {
      batches.push({ floorNumber: number, spots: here.slice(from, from + BATCH_SPOTS_MAX) });
    }
  }
  return batches;
}

/** A UUID (version 8, by SHA-256) that these words always give. */
export async function requestIdOf(...words: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(words.join("\n")));
  const bytes = new Uint8Array(digest).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
