// Numbers to pixels, and the round numbers that stand beside them.

export type Scale = (value: number) => number;

/** A straight scale; where the domain is a point, everything is at the beginning of the range. */
export function linear(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): Scale {
  const span = to - from;
  return (value) => (span === 0 ? start : start + ((value - from) / span) * (end - start));
}

/** Round numbers from 0 to at least `most`, about `count` of them. */
export function ticks(most: number, count = 4): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const found: number[] = [];
  for (let at = 0; ; at += step) {
    const tick = Number(at.toPrecision(12));
    found.push(tick);
    if (tick >= most) return found;
  }
}

const HOUR_MS = 3_600_000;
const TIME_STEPS_HOURS = [1, 2, 3, 6, 12, 24, 48, 24 * 7, 24 * 14];

/** Instants from the first one on, evenly apart, at most `most` of them. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const hours = TIME_STEPS_HOURS.find((step) => (to - from) / (step * HOUR_MS) < most) ?? 24 * 28;
  const found: number[] = [];
  for (let at = from; at <= to; at += hours * HOUR_MS) found.push(at);
  return found;
}
