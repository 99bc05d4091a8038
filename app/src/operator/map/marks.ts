// What a spot looks like in each state. No state is told by its colour alone: each has a mark of its own.

import { SpotStatus } from "../../gen/parkmesh/common/v1/common_pb";

/** Names of states, for classes and words. */
export type StatusWord = "free" | "reserved" | "occupied" | "unknown" | "closed";

/** In the order of a legend. */
export const STATUS_WORDS: readonly StatusWord[] = ["free", "reserved", "occupied", "unknown", "closed"];

export function wordOf(status: SpotStatus): StatusWord {
  switch (status) {
    case SpotStatus.AVAILABLE:
      return "free";
    case SpotStatus.RESERVED:
      return "reserved";
    case SpotStatus.OCCUPIED:
      return "occupied";
    case SpotStatus.OUT_OF_SERVICE:
      return "closed";
    default:
      return "unknown";
  }
}

/** A mark inside a bay of this size: a car, a slash, a question, a cross, or nothing. */
export function markOf(word: StatusWord, width: number, height: number): string {
  const size = Math.min(width, height);
  const [middleX, middleY] = [width / 2, height / 2];
  const reach = size * 0.22;
  switch (word) {
    case "free":
      return "";
    case "reserved":
      return `M${middleX - reach},${middleY + reach}L${middleX + reach},${middleY - reach}`;
    case "occupied":
      return car(width, height);
    case "unknown":
      return (
        `M${middleX - reach * 0.7},${middleY - reach * 0.5}` +
        `a${reach * 0.7},${reach * 0.7} 0 1 1 ${reach * 0.7},${reach * 0.7}v${reach * 0.5}m0,${reach * 0.6}v${reach * 0.01}`
      );
    case "closed":
      return (
        `M${middleX - reach},${middleY - reach}l${reach * 2},${reach * 2}` +
        `M${middleX + reach},${middleY - reach}l${-reach * 2},${reach * 2}`
      );
  }
}

/** A car is nearly as long as its bay and leaves room to open its doors. */
const inset = (side: number, other: number): number => side * (side > other ? 0.08 : 0.14);

/** A car from above: a rounded body, along the longer side of its bay. */
function car(width: number, height: number): string {
  const [left, top] = [inset(width, height), inset(height, width)];
  const [wide, tall] = [width - 2 * left, height - 2 * top];
  const bend = Math.min(wide, tall) * 0.3;
  const [across, down] = [wide - 2 * bend, tall - 2 * bend];
  return (
    `M${left + bend},${top}h${across}a${bend},${bend} 0 0 1 ${bend},${bend}v${down}` +
    `a${bend},${bend} 0 0 1 ${-bend},${bend}h${-across}a${bend},${bend} 0 0 1 ${-bend},${-bend}v${-down}` +
    `a${bend},${bend} 0 0 1 ${bend},${-bend}z`
  );
}
