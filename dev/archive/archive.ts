import { ARCHIVED_COLUMNS, type Archives } from '../../adapters/postgres/archives.ts';
import { system } from '../../domain/actor.ts';
import type { ArchiveFolder } from './files.ts';

const actor = system('archive');

/** Moves the detail of every month that ended a year ago into files. Gives the months that were moved. */
export async function archiveOldMonths(
  archives: Archives,
  folder: ArchiveFolder,
  tenantId: number,
  today: Date,
): Promise<string[]> {
  const yearAgo = new Date(Date.UTC(today.getUTCFullYear() - 1, today.getUTCMonth(), today.getUTCDate()));
  const moved: string[] = [];
  for (const month of await archives.monthsBefore(tenantId, yearAgo.toISOString().slice(0, 10))) {
    const lines = await archives.linesOf(tenantId, month);
    const file = `${tenantId}/meta_ads_ad_insights/${month.slice(0, 7)}.csv.gz`;
    const sha256 = await folder.write(file, ARCHIVED_COLUMNS, lines);
    // Only a file that can be read back as it was meant takes the rows out.
    if ((await folder.read(file, sha256)).length !== lines.length) throw new Error(`${file} cannot be read back`);
    if (await archives.takeOut(tenantId, { month, file, rows: lines.length, sha256 }, actor)) moved.push(month);
  }
  return moved;
}

/** Puts a month back from its file, or every archived one. Gives the rows that came back. */
export async function restoreMonths(
  archives: Archives,
  folder: ArchiveFolder,
  tenantId: number,
  wanted?: string,
): Promise<number> {
  let rows = 0;
  for (const { month, file, sha256 } of await archives.list(tenantId)) {
    if (wanted !== undefined && !month.startsWith(wanted)) continue;
    rows += await archives.putBack(tenantId, month, await folder.read(file, sha256), actor);
  }
  return rows;
}
