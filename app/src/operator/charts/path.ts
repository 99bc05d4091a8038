// The shapes of a chart, as SVG path data.

export interface Dot {
  readonly x: number;
  readonly y: number;
}

const round = (value: number): string => String(Math.round(value * 10) / 10);
const at = ({ x, y }: Dot): string => `${round(x)},${round(y)}`;

/** Runs of neighbours that are there; a gap in what is known is a gap in the line. */
export function runs(dots: readonly (Dot | undefined)[]): Dot[][] {
  const found: Dot[][] = [];
  let run: Dot[] = [];
  for (const dot of dots) {
    if (dot) {
      run.push(dot);
    } else if (run.length > 0) {
      found.push(run);
      run = [];
    }
  }
  if (run.length > 0) found.push(run);
  return found;
}

/** A line through the dots. One alone is a short dash, since a line of one point is not seen. */
export function line(dots: readonly (Dot | undefined)[]): string {
  return runs(dots)
    .map((run) => (run.length === 1 && run[0] ? dash(run[0]) : `M${run.map(at).join("L")}`))
    .join("");
}

function dash({ x, y }: Dot): string {
  return `M${at({ x: x - 2, y })}L${at({ x: x + 2, y })}`;
}

/** The area between the dots and a level. */
export function area(dots: readonly (Dot | undefined)[], level: number): string {
  return runs(dots)
    .filter((run) => run.length > 1)
    .map((run) => {
      const [first, last] = [run[0]?.x ?? 0, run[run.length - 1]?.x ?? 0];
      return `M${at({ x: first, y: level })}L${run.map(at).join("L")}L${at({ x: last, y: level })}Z`;
    })
    .join("");
}

/** The band between an upper and a lower line of as many dots. */
export function band(upper: readonly Dot[], lower: readonly Dot[]): string {
  if (upper.length < 2) return "";
  return `M${upper.map(at).join("L")}L${[...lower].reverse().map(at).join("L")}Z`;
}
