// Where the spots of a floor are drawn. The contract knows a spot as a point in plan units and says nothing of its size: that follows
// from how far apart the spots stand.

/** A point of the floor's plan, in plan units. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What a plan is made of. */
export interface Placed extends Point {
  readonly id: string;
}

/** How the spots of a floor are laid out on the screen, in plan units. */
export interface Plan {
  readonly width: number;
  readonly height: number;
  /** Size of one spot. */
  readonly spotWidth: number;
  readonly spotHeight: number;
  /** Top left corner of each spot. */
  readonly corners: ReadonlyMap<string, Point>;
}

/** What is left free between two spots, as a share of the distance between them. */
const GAP = 0.1;
/** A bay is about twice as long as it is wide. */
const BAY_RATIO = 2;
/** Rows need a lane between them: a bay takes at most this share of the distance. */
const BAY_SHARE = 0.62;
/** Free space around the plan, in spots. */
const MARGIN = 0.6;
/** Points closer than this share of the plan are one row. */
const SAME_ROW = 0.0005;

const EMPTY: Plan = { width: 1, height: 1, spotWidth: 1, spotHeight: 1, corners: new Map() };

/** The middle one of the numbers; 0 of none. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) return 0;
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Lays the spots out; `turned` lets rows run down instead of across, for a plan that is taller than its screen. */
export function layOut(spots: readonly Placed[], turned = false): Plan {
  if (spots.length === 0) return EMPTY;
  const points = spots.map(({ id, x, y }) => (turned ? { id, x: y, y: x } : { id, x, y }));
  const left = Math.min(...points.map((point) => point.x));
  const top = Math.min(...points.map((point) => point.y));
  const spanX = Math.max(...points.map((point) => point.x)) - left;
  const spanY = Math.max(...points.map((point) => point.y)) - top;
  const [spotWidth, spotHeight] = sizeOfSpots(points, Math.max(spanX, spanY, 1) * SAME_ROW, turned);
  const margin = Math.min(spotWidth, spotHeight) * MARGIN;
  const corners = points.map(({ id, x, y }): [string, Point] => [
    id,
    { x: x - left + margin, y: y - top + margin },
  ]);
  return {
    width: spanX + spotWidth + 2 * margin,
    height: spanY + spotHeight + 2 * margin,
    spotWidth,
    spotHeight,
    corners: new Map(corners),
  };
}

/** Whether a plan is better turned to fit a screen of this shape. */
export function isBetterTurned(plan: Plan, screenWidth: number, screenHeight: number): boolean {
  const upright = Math.min(screenWidth / plan.width, screenHeight / plan.height);
  const turned = Math.min(screenWidth / plan.height, screenHeight / plan.width);
  return turned > upright * 1.2;
}

function sizeOfSpots(points: readonly Point[], tolerance: number, turned: boolean): [number, number] {
  const across = pitch(points, tolerance, turned);
  const along = turned
    ? gaps(
        points.map((point) => point.x),
        tolerance,
      )
    : gaps(
        points.map((point) => point.y),
        tolerance,
      );
  if (across === 0 && along.length === 0) return [1, 1];
  const narrow = (across || median(along)) * (1 - GAP);
  const lane = along.length > 0 ? Math.min(...along) * BAY_SHARE : narrow * BAY_RATIO;
  const long = Math.max(narrow * 0.6, Math.min(narrow * BAY_RATIO, lane));
  return turned ? [long, narrow] : [narrow, long];
}

/** How far apart neighbours of a row stand. Where there are no rows (a street, a surveyed field) the nearest neighbour says it. */
function pitch(points: readonly Point[], tolerance: number, turned: boolean): number {
  const rows = new Map<number, number[]>();
  for (const point of points) {
    const [place, row] = turned ? [point.y, point.x] : [point.x, point.y];
    const key = Math.round(row / tolerance);
    const inRow = rows.get(key);
    if (inRow) inRow.push(place);
    else rows.set(key, [place]);
  }
  const inRows = [...rows.values()].flatMap((places) => gaps(places, tolerance));
  return inRows.length * 2 >= points.length ? median(inRows) : median(nearest(points));
}

/** Distances between neighbours on a line. */
function gaps(places: readonly number[], tolerance: number): number[] {
  const sorted = [...places].sort((a, b) => a - b);
  return sorted
    .slice(1)
    .map((place, index) => place - (sorted[index] ?? place))
    .filter((gap) => gap > tolerance);
}

/** The distance of each point, of at most 200, from the nearest other. */
function nearest(points: readonly Point[]): number[] {
  const step = Math.max(1, Math.floor(points.length / 200));
  const some = points.filter((_, index) => index % step === 0);
  const distances = some.map((one) => {
    let least = Infinity;
    for (const other of points) {
      const distance = Math.hypot(one.x - other.x, one.y - other.y);
      if (distance > 0 && distance < least) least = distance;
    }
    return least;
  });
  return distances.filter(Number.isFinite);
}
