import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArchivePlace } from './place.ts';

/** Files under one folder of this machine. */
export const folderPlace = (folder: string): ArchivePlace => ({
  async put(name, content) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    // A name of its own: two programs that write the same file at once must not mix.
    const part = `${path}.${randomUUID()}.part`;
    await writeFile(part, content, { flag: 'wx', flush: true });
    await rename(part, path);
    await flushed(dirname(path));
  },
  get: (name) => readFile(join(folder, name)),
});

/** Rows are removed on the strength of the file, so its name must outlive a power cut too. */
async function flushed(folder: string): Promise<void> {
  const opened = await open(folder);
  await opened.sync().finally(() => opened.close());
}
