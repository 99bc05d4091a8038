/**
 * QR codes of a booking's code, which has eight letters: version 1 (21 by 21), alphanumeric, and the level that
 * bears the most damage (H). ISO/IEC 18004. Any mask may be read; one that is fixed saves the search.
 */

const SIZE = 21;
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const DATA_BYTES = 9;
const CHECK_BYTES = 17;
/** Longer texts do not fit. */
export const QR_LETTERS_MAX = 10;

/** Rows of modules, true for dark. */
export function qr(text: string): boolean[][] {
  if (text.length > QR_LETTERS_MAX || [...text].some((letter) => !LETTERS.includes(letter))) {
    throw new RangeError(`${text} does not fit into this QR`);
  }
  const field = Array.from({ length: SIZE }, () => new Array<boolean | undefined>(SIZE).fill(undefined));
  drawPatterns(field);
  drawFormat(field);
  const data = dataBytes(text);
  drawData(field, [...data, ...checkBytes(data)]);
  return field.map((row) => row.map((module) => module === true));
}

function dataBytes(text: string): number[] {
  let bits = "0010" + binary(text.length, 9);
  for (let index = 0; index < text.length; index += 2) {
    const pair = [...text.slice(index, index + 2)].map((letter) => LETTERS.indexOf(letter));
    const [first = 0, second] = pair;
    bits += second === undefined ? binary(first, 6) : binary(first * LETTERS.length + second, 11);
  }
  bits += "0".repeat(Math.min(4, DATA_BYTES * 8 - bits.length));
  bits += "0".repeat(-bits.length & 7);
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2));
  for (let pad = 0xec; bytes.length < DATA_BYTES; pad ^= 0xec ^ 0x11) bytes.push(pad);
  return bytes;
}

/** Reed–Solomon over GF(256) with the polynomial 0x11d. */
function checkBytes(data: readonly number[]): number[] {
  let divisor = [1];
  for (let root = 1, count = 0; count < CHECK_BYTES; count += 1, root = multiply(root, 2)) {
    const shifted = [...divisor, 0];
    divisor = shifted.map((value, index) => value ^ multiply(divisor[index - 1] ?? 0, root));
  }
  let rest = new Array<number>(CHECK_BYTES).fill(0);
  for (const byte of data) {
    const factor = byte ^ (rest[0] ?? 0);
    const shifted = [...rest.slice(1), 0];
    rest = shifted.map((value, index) => value ^ multiply(divisor[index + 1] ?? 0, factor));
  }
  return rest;
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

type Field = (boolean | undefined)[][];

function set(field: Field, row: number, column: number, dark: boolean): void {
  const line = field[row];
  if (line !== undefined && column >= 0 && column < SIZE) line[column] = dark;
}

/** Three squares with their margins, and the dotted lines between them. */
function drawPatterns(field: Field): void {
  for (let index = 0; index < SIZE; index += 1) {
    set(field, 6, index, index % 2 === 0);
    set(field, index, 6, index % 2 === 0);
  }
  for (const [top, left] of [
    [0, 0],
    [0, SIZE - 7],
    [SIZE - 7, 0],
  ] as const) {
    for (let row = -1; row <= 7; row += 1) {
      for (let column = -1; column <= 7; column += 1) {
        const ring = Math.max(Math.abs(row - 3), Math.abs(column - 3));
        set(field, top + row, left + column, ring <= 3 && ring !== 2);
      }
    }
  }
}

/** Level and mask, twice, with their own check bits. */
function drawFormat(field: Field): void {
  const [levelHigh, mask] = [0b10, 0];
  const value = (levelHigh << 3) | mask;
  let check = value;
  for (let step = 0; step < 10; step += 1) check = (check << 1) ^ ((check >> 9) * 0x537);
  const bits = ((value << 10) | check) ^ 0x5412;
  for (let index = 0; index < 15; index += 1) {
    const dark = ((bits >> index) & 1) === 1;
    const along = index < 6 ? index : index < 8 ? index + 1 : undefined;
    if (along !== undefined) set(field, along, 8, dark);
    else set(field, 8, index === 8 ? 7 : 14 - index, dark);
    if (index < 8) set(field, 8, SIZE - 1 - index, dark);
    else set(field, SIZE - 15 + index, 8, dark);
  }
  set(field, SIZE - 8, 8, true);
}

/** In columns of two, from the right, up and down in turn; around what is drawn already. */
function drawData(field: Field, bytes: readonly number[]): void {
  const bits = bytes.flatMap((byte) => [...binary(byte, 8)].map((bit) => bit === "1"));
  let next = 0;
  for (let right = SIZE - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    const upward = ((right + 1) & 2) === 0;
    for (let step = 0; step < SIZE; step += 1) {
      const row = upward ? SIZE - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (field[row]?.[column] !== undefined) continue;
        const masked = (row + column) % 2 === 0;
        set(field, row, column, (bits[next] ?? false) !== masked);
        next += 1;
      }
    }
  }
}

function binary(value: number, length: number): string {
  return value.toString(2).padStart(length, "0");
}
