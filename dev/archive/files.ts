import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { csvOf } from '../../web/csv.ts';

/** Gzip CSV files under one folder, by tenant and month. */
export function archiveFolder(folder: string) {
  const placeOf = (file: string) => join(folder, file);
  return {
    /** Writes a file whole or not at all, and gives what proves it. */
    async write(file: string, header: readonly string[], lines: readonly (readonly string[])[]): Promise<Buffer> {
      const content = gzipSync(csvOf(header, lines));
      await mkdir(dirname(placeOf(file)), { recursive: true });
      await writeFile(`${placeOf(file)}.part`, content);
      await rename(`${placeOf(file)}.part`, placeOf(file));
      return sha256(await readFile(placeOf(file)));
    },
    /** The lines of a file; throws when it is not the one that was written. */
    async read(file: string, proof: Buffer): Promise<string[][]> {
      const content = await readFile(placeOf(file));
      if (!sha256(content).equals(proof)) throw new Error(`${file} is not the file that was written`);
      return parse(gunzipSync(content), { from: 2 }) as string[][];
    },
  };
}
export type ArchiveFolder = ReturnType<typeof archiveFolder>;

const sha256 = (content: Buffer): Buffer => createHash('sha256').update(content).digest();
