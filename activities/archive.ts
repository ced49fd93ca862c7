import { createHash } from 'node:crypto';
import type { ArchiveFiles } from '../adapters/archive/files.ts';
import type { Archive, Archives } from '../adapters/postgres/archives.ts';
import { system } from '../domain/actor.ts';

export interface ArchiveDeps {
  archives: Archives;
  archiveFiles: ArchiveFiles;
}

const actor = system('archive');

/** The months whose detail is old enough to lie in a file: they ended a year before `today`. */
export function archivableMonths({ archives }: Pick<ArchiveDeps, 'archives'>, tenantId: number, today: Date) {
  const yearAgo = new Date(Date.UTC(today.getUTCFullYear() - 1, today.getUTCMonth(), today.getUTCDate()));
  return archives.monthsBefore(tenantId, yearAgo.toISOString().slice(0, 10));
}

/**
 * Moves a month's detail into a file, and takes it out of the table when the file, read back, holds exactly what goes. Whatever dies in between leaves the rows
 * where they were; begun again it writes the same file. False when the rows changed meanwhile: they stay for the next time.
 */
export async function archiveMonth(deps: ArchiveDeps, tenantId: number, month: string): Promise<boolean> {
  const { archives, archiveFiles } = deps;
  // Rows of a month that lies in a file already, put back or read anew from Meta: all of it goes into one file again.
  const earlier = await archives.maybeOf(tenantId, month);
  if (earlier !== null) await putBack(deps, tenantId, earlier);
  const name = `${tenantId}/meta_ads_ad_insights/${month.slice(0, 7)}`;
  const written = await archiveFiles.write(name, archives.columns, archives.linesOf(tenantId, month));
  const held = await contentOf(archiveFiles.read(written));
  return archives.takeOut(tenantId, { month, ...written, ...held }, actor);
}

/** Moves the detail of every month that ended a year ago into files. Gives the months that were moved. */
export async function archiveOldMonths(deps: ArchiveDeps, tenantId: number, today: Date): Promise<string[]> {
  const moved: string[] = [];
  for (const month of await archivableMonths(deps, tenantId, today))
    if (await archiveMonth(deps, tenantId, month)) moved.push(month);
  return moved;
}

/** Puts a month (`2025-06`) back from its file, or every archived one. Gives the rows that came back. */
export async function restoreMonths(deps: ArchiveDeps, tenantId: number, wanted?: string): Promise<number> {
  let rows = 0;
  for (const archive of await deps.archives.list(tenantId)) {
    if (wanted !== undefined && !archive.month.startsWith(wanted)) continue;
    const back = await putBack(deps, tenantId, archive);
    await deps.archives.markRestored(tenantId, archive.month, back, actor);
    rows += back;
  }
  return rows;
}

async function putBack({ archives, archiveFiles }: ArchiveDeps, tenantId: number, archive: Archive): Promise<number> {
  let rows = 0;
  for await (const lines of archiveFiles.read(archive)) rows += await archives.putBack(tenantId, lines);
  return rows;
}

/** How many lines there are, and what `takeOut` knows them by: the SHA-256 of their cells, lines and cells apart by signs that stand in none of them. */
async function contentOf(batches: AsyncIterable<readonly (readonly string[])[]>) {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const lines of batches)
    for (const line of lines) hash.update(`${rows++ === 0 ? '' : '\n'}${line.join('\x1f')}`);
  return { rows, fingerprint: hash.digest('hex') };
}
