import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, gzipSync } from 'node:zlib';
import { parse } from 'csv-parse';
import type { ArchivePlace } from './place.ts';

/** A file that was written, and what proves that it is still that file. */
export interface WrittenFile {
  file: string;
  sha256: Buffer;
}
type Lines = readonly (readonly string[])[];
const LINES_AT_ONCE = 5_000;

export type ArchiveFiles = ReturnType<typeof createArchiveFiles>;

/** Gzip CSV files at one place. */
export function createArchiveFiles(place: ArchivePlace) {
  return {
    /**
     * Writes `{name}.{start of its fingerprint}.csv.gz`: another content is another file, so nothing that was ever archived is written over. Each batch is a
     * gzip member of its own, so a whole month never lies in memory as text.
     */
    async write(name: string, header: readonly string[], batches: AsyncIterable<Lines>): Promise<WrittenFile> {
      const members = [gzipSync(csvOf([header]))];
      for await (const batch of batches) members.push(gzipSync(csvOf(batch)));
      const content = Buffer.concat(members);
      const sha256 = hashOf(content);
      const file = `${name}.${sha256.toString('hex', 0, 6)}.csv.gz`;
      await place.put(file, content);
      return { file, sha256 };
    },

    /** The lines of a file without its header, some thousand at a time; throws when it is not the one that was written. */
    async *read({ file, sha256 }: WrittenFile): AsyncGenerator<string[][]> {
      const content = await place.get(file);
      if (!hashOf(content).equals(sha256)) throw new Error(`${file} is not the file that was written`);
      // Whatever breaks on the way ends the parser with it, and so the loop.
      const lines = pipeline(Readable.from([content]), createGunzip(), parse({ from: 2 }), () => {});
      let batch: string[][] = [];
      for await (const line of lines as AsyncIterable<string[]>) {
        batch.push(line);
        if (batch.length < LINES_AT_ONCE) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    },
  };
}

const hashOf = (content: Buffer): Buffer => createHash('sha256').update(content).digest();

/** As RFC 4180 has it, word for word: what a spreadsheet would make of a cell does not matter, that it comes back unchanged does. */
const csvOf = (lines: Lines): string => lines.map((line) => `${line.map(cellOf).join(',')}\r\n`).join('');
const cellOf = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
