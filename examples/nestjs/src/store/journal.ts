// A file of JSON lines that is only ever added to: a line is a transaction, on the disk when append()
// returns. A shop has its own database in this place; the example brings none along.
import { closeSync, existsSync, fdatasyncSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync,
  renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export class Journal {
  #file: number;
  #size: number;

  private constructor(file: number, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** The lines of the file, oldest first. A last line without an end was never committed. */
  static read(path: string): unknown[] {
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, "utf8").split("\n");
    lines.pop();
    return lines.map((line) => JSON.parse(line) as unknown);
  }

  /** Writes the file anew with these lines, in one step, and opens it for more. */
  static create(path: string, lines: unknown[]): Journal {
    const folder = dirname(path);
    mkdirSync(folder, { recursive: true });
    const file = openSync(`${path}.new`, "w", 0o600);
    const journal = new Journal(file, 0);
    for (const line of lines) journal.#write(line);
    fsyncSync(file);
    renameSync(`${path}.new`, path);
    const held = openSync(folder, "r");
    fsyncSync(held);
    closeSync(held);
    return journal;
  }

  /** Throws where the disk refuses, and has then changed nothing. */
  append(line: unknown): void {
    const before = this.#size;
    try {
      this.#write(line);
      fdatasyncSync(this.#file);
    } catch (error) {
      this.#size = before;
      ftruncateSync(this.#file, before);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#file, bytes, done, bytes.length - done, this.#size + done);
    this.#size += bytes.length;
  }
}
