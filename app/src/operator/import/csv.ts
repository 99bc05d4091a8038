// Comma-separated values as RFC 4180 has them, and as spreadsheets write them: a comma, a semicolon or a tab between the fields, quotes
// around what contains one, any end of line. Every row keeps the number of the line on which it begins, so that a mistake can be found.

export interface Row {
  /** Of the file, counted from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

export interface Csv {
  readonly rows: readonly Row[];
  /** The line of a quote that nothing closes. */
  readonly openQuote?: number;
}

const SEPARATORS = [",", ";", "\t"] as const;

/** Reads a file. Empty lines are passed over. */
export function parseCsv(text: string): Csv {
  const source = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const reader = new Reader(source, separatorOf(source));
  return reader.read();
}

/** What separates the fields of the first line: whatever is most often in it. */
function separatorOf(source: string): string {
  const head = source.slice(0, source.indexOf("\n") + 1 || source.length);
  const counts = SEPARATORS.map((separator) => head.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ",";
}

class Reader {
  private readonly rows: Row[] = [];
  private fields: string[] = [];
  private line = 1;
  private begins = 1;
  private at = 0;

  constructor(
    private readonly source: string,
    private readonly separator: string,
  ) {}

  read(): Csv {
    while (this.at < this.source.length) {
      const opened = this.line;
      const field = this.source[this.at] === '"' ? this.quoted() : this.plain();
      if (field === undefined) return { rows: this.rows, openQuote: opened };
      this.fields.push(field);
      this.endOfField();
    }
    this.endOfRow();
    return { rows: this.rows };
  }

  private plain(): string {
    const from = this.at;
    while (this.at < this.source.length && !this.isEnd(this.source[this.at])) this.at += 1;
    return this.source.slice(from, this.at).trim();
  }

  private quoted(): string | undefined {
    let field = "";
    for (this.at += 1; this.at < this.source.length; this.at += 1) {
      const letter = this.source[this.at] ?? "";
      if (letter === '"') {
        if (this.source[this.at + 1] !== '"') {
          this.at += 1;
          // What stands between the closing quote and the separator belongs to the field: it was meant.
          return (field + this.plain()).trim();
        }
        this.at += 1;
      }
      if (letter === "\n") this.line += 1;
      field += letter;
    }
    return undefined;
  }

  private isEnd(letter: string | undefined): boolean {
    return letter === this.separator || letter === "\n";
  }

  private endOfField(): void {
    const letter = this.source[this.at];
    this.at += 1;
    if (letter === this.separator && this.at === this.source.length) this.fields.push("");
    if (letter === "\n") {
      this.endOfRow();
      this.line += 1;
      this.begins = this.line;
    }
  }

  private endOfRow(): void {
    if (this.fields.some((field) => field !== "")) {
      this.rows.push({ line: this.begins, fields: this.fields });
    }
    this.fields = [];
  }
}
