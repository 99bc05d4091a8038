// The file that a lot is made from: one row for each spot, and what is wrong with it. All mistakes are told, not the first alone: whoever
// mends a file wants to do it once.

import { parseCsv, type Row } from "./csv";

/** Columns of the file. The names are those of the contract. */
export const COLUMNS = [
  "floor_number",
  "floor_name",
  "spot_number",
  "spot_type",
  "plan_x",
  "plan_y",
  "latitude",
  "longitude",
] as const;
export type Column = (typeof COLUMNS)[number];

/** Those that no file can do without. */
export const NEEDED: readonly Column[] = ["floor_number", "spot_number", "plan_x", "plan_y"];

/** Words of the contract for types of spots. */
export const SPOT_TYPES = ["regular", "accessible", "ev", "compact", "motorcycle"] as const;
export type SpotWord = (typeof SPOT_TYPES)[number];

export interface SpotRow {
  readonly line: number;
  readonly floorNumber: number;
  readonly floorName: string;
  readonly spotNumber: string;
  readonly spotType: SpotWord;
  readonly x: number;
  readonly y: number;
  readonly latitude: number;
  readonly longitude: number;
}

/** What is wrong, in a form that any language can say. */
export type MistakeKind =
  | "empty-file"
  | "open-quote"
  | "column-missing"
  | "column-unknown"
  | "column-twice"
  | "too-many-fields"
  | "missing"
  | "not-a-number"
  | "not-whole"
  | "out-of-range"
  | "too-long"
  | "type-unknown"
  | "twice-in-file"
  | "taken-in-lot"
  | "floor-name-differs"
  | "half-a-position"
  | "same-place";

export interface Mistake {
  /** 0: of the file as a whole. */
  readonly line: number;
  readonly column?: Column;
  readonly kind: MistakeKind;
  /** What stands there; or what is expected, as the kind needs. */
  readonly value: string;
  /** The other line, where two do not go together; or the limit. */
  readonly other?: string;
}

export interface LotFile {
  /** To be made only when there is no mistake. */
  readonly spots: readonly SpotRow[];
  readonly mistakes: readonly Mistake[];
}

/** Reads a file for a lot that already has spots of these numbers. */
export function readLotFile(text: string, taken: ReadonlySet<string>): LotFile {
  const { rows, openQuote } = parseCsv(text);
  const [head, ...body] = rows;
  const mistakes: Mistake[] = [];
  if (openQuote !== undefined) mistakes.push({ line: openQuote, kind: "open-quote", value: '"' });
  if (!head) return { spots: [], mistakes: [...mistakes, { line: 0, kind: "empty-file", value: "" }] };
  const columns = readHead(head, mistakes);
  if (NEEDED.some((column) => !columns.has(column))) return { spots: [], mistakes };
  if (body.length === 0 && mistakes.length === 0) mistakes.push({ line: 0, kind: "empty-file", value: "" });
  const read = body.map((row) => new RowReader(row, columns, head.fields.length, mistakes).read());
  compare(read, taken, mistakes);
  return { spots: read.map(({ spot }) => spot), mistakes: mistakes.sort((a, b) => a.line - b.line) };
}

function readHead(head: Row, mistakes: Mistake[]): Map<Column, number> {
  const columns = new Map<Column, number>();
  head.fields.forEach((field, index) => {
    const name = field.toLowerCase().replace(/[\s-]+/g, "_");
    const column = COLUMNS.find((known) => known === name);
    if (!column) mistakes.push({ line: head.line, kind: "column-unknown", value: field });
    else if (columns.has(column))
      mistakes.push({ line: head.line, column, kind: "column-twice", value: field });
    else columns.set(column, index);
  });
  for (const column of NEEDED) {
    if (!columns.has(column))
      mistakes.push({ line: head.line, column, kind: "column-missing", value: column });
  }
  return columns;
}

/** A row, and which of its fields mean nothing. */
interface ReadRow {
  readonly spot: SpotRow;
  readonly wrong: ReadonlySet<Column>;
}

/** Reads one row, and says everything that is wrong with it. */
class RowReader {
  private readonly wrongFields = new Set<Column>();

  constructor(
    private readonly row: Row,
    private readonly columns: ReadonlyMap<Column, number>,
    private readonly width: number,
    private readonly mistakes: Mistake[],
  ) {}

  read(): ReadRow {
    if (this.row.fields.length > this.width) {
      this.wrong("too-many-fields", String(this.row.fields.length), undefined, String(this.width));
    }
    const spot: SpotRow = {
      line: this.row.line,
      floorNumber: this.number("floor_number", -20, 200, true),
      floorName: this.text("floor_name", 64),
      spotNumber: this.text("spot_number", 32),
      spotType: this.spotType(),
      x: this.number("plan_x", -1e6, 1e6),
      y: this.number("plan_y", -1e6, 1e6),
      latitude: this.number("latitude", -90, 90),
      longitude: this.number("longitude", -180, 180),
    };
    if ((this.field("latitude") === "") !== (this.field("longitude") === "")) {
      const missing = this.field("latitude") === "" ? "latitude" : "longitude";
      this.wrong("half-a-position", "", missing);
    }
    return { spot, wrong: this.wrongFields };
  }

  private field(column: Column): string {
    const index = this.columns.get(column);
    return index === undefined ? "" : (this.row.fields[index] ?? "");
  }

  private text(column: Column, longest: number): string {
    const field = this.field(column);
    if (field === "" && NEEDED.includes(column)) this.wrong("missing", "", column);
    if (field.length > longest) this.wrong("too-long", field, column, String(longest));
    return field;
  }

  private number(column: Column, least: number, most: number, whole = false): number {
    const field = this.field(column);
    if (field === "") {
      if (NEEDED.includes(column)) this.wrong("missing", "", column);
      return 0;
    }
    const value = Number(/^[+-]?\d+,\d+$/.test(field) ? field.replace(",", ".") : field);
    if (!Number.isFinite(value)) this.wrong("not-a-number", field, column);
    else if (whole && !Number.isInteger(value)) this.wrong("not-whole", field, column);
    else if (value < least || value > most) this.wrong("out-of-range", field, column, `${least} … ${most}`);
    return value;
  }

  private spotType(): SpotWord {
    const field = this.field("spot_type").toLowerCase();
    const found = SPOT_TYPES.find((word) => word === field);
    if (!found && field !== "") this.wrong("type-unknown", field, "spot_type", SPOT_TYPES.join(", "));
    return found ?? "regular";
  }

  private wrong(kind: MistakeKind, value: string, column?: Column, other?: string): void {
    if (column !== undefined) this.wrongFields.add(column);
    this.mistakes.push({
      line: this.row.line,
      kind,
      value,
      ...(column === undefined ? {} : { column }),
      ...(other === undefined ? {} : { other }),
    });
  }
}

/** What single rows cannot know: two of a number, two on one place, a floor with two names. */
function compare(rows: readonly ReadRow[], taken: ReadonlySet<string>, mistakes: Mistake[]): void {
  const numbers = new Map<string, number>();
  const places = new Map<string, number>();
  const floors = new Map<number, string>();
  for (const { spot, wrong } of rows) {
    const knows = (...columns: Column[]) => columns.every((column) => !wrong.has(column));
    if (knows("spot_number")) compareNumber(spot, numbers, taken, mistakes);
    if (knows("floor_number", "plan_x", "plan_y")) comparePlace(spot, places, mistakes);
    if (knows("floor_number", "floor_name")) compareFloor(spot, floors, mistakes);
  }
}

function compareNumber(
  { line, spotNumber }: SpotRow,
  numbers: Map<string, number>,
  taken: ReadonlySet<string>,
  mistakes: Mistake[],
): void {
  const before = numbers.get(spotNumber);
  const mistake = { line, column: "spot_number", value: spotNumber } as const;
  if (before !== undefined) mistakes.push({ ...mistake, kind: "twice-in-file", other: String(before) });
  else numbers.set(spotNumber, line);
  if (before === undefined && taken.has(spotNumber)) mistakes.push({ ...mistake, kind: "taken-in-lot" });
}

function comparePlace(
  { line, floorNumber, x, y }: SpotRow,
  places: Map<string, number>,
  mistakes: Mistake[],
): void {
  const place = `${floorNumber}/${x}/${y}`;
  const before = places.get(place);
  if (before === undefined) places.set(place, line);
  else
    mistakes.push({ line, column: "plan_x", kind: "same-place", value: `${x}, ${y}`, other: String(before) });
}

function compareFloor(spot: SpotRow, floors: Map<number, string>, mistakes: Mistake[]): void {
  const { line, floorNumber, floorName } = spot;
  if (floorName === "") return;
  const before = floors.get(floorNumber) ?? floorName;
  floors.set(floorNumber, before);
  if (before === floorName) return;
  mistakes.push({ line, column: "floor_name", kind: "floor-name-differs", value: floorName, other: before });
}
