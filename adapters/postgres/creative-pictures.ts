import { sql } from 'slonik';
import { z } from 'zod';
import type { PictureType } from '../../domain/picture.ts';
import type { Database } from './pool.ts';

const dueRow = z.object({ creative_id: z.string(), address: z.string() });
const pictureRow = z.object({ type: z.enum(['image/png', 'image/jpeg', 'image/webp']), picture: z.instanceof(Buffer) });

const MOST_TRIES = 5;

/** The small pictures of creatives, copied once. */
export function createCreativePictures({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Creatives in use whose picture was never copied, or failed a while ago. */
    due: (tenantId: number, limit: number) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(dueRow)`
          SELECT c.creative_id, c.thumbnail_url AS address FROM meta_ads_creatives c
          LEFT JOIN creative_pictures p ON p.tenant_id = c.tenant_id AND p.creative_id = c.creative_id
          WHERE c.tenant_id = ${tenantId} AND c.thumbnail_url IS NOT NULL
            AND (p.creative_id IS NULL OR (p.picture IS NULL AND p.failures < ${MOST_TRIES} AND p.tried_at < now() - interval '1 hour'))
            AND EXISTS (SELECT FROM meta_ads_ads a WHERE a.tenant_id = c.tenant_id AND a.creative_id = c.creative_id)
          ORDER BY c.updated_at DESC, c.creative_id LIMIT ${limit}`),
      ),
    /** A copy, or that there was none to have. */
    save: (tenantId: number, creativeId: string, found: { type: PictureType; bytes: Buffer } | null): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          INSERT INTO creative_pictures (tenant_id, creative_id, type, picture, failures)
          VALUES (${tenantId}, ${creativeId}, ${found?.type ?? null}, ${found === null ? null : sql.binary(found.bytes)}, ${found === null ? 1 : 0})
          ON CONFLICT (tenant_id, creative_id) DO UPDATE SET type = excluded.type, picture = excluded.picture, tried_at = now(),
            failures = CASE WHEN excluded.picture IS NULL THEN creative_pictures.failures + 1 ELSE 0 END`);
      }),
    /** Null for a stranger's as for none. */
    maybeById: (tenantId: number, creativeId: string) =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(pictureRow)`
          SELECT type, picture FROM creative_pictures WHERE tenant_id = ${tenantId} AND creative_id = ${creativeId} AND picture IS NOT NULL`),
      ),
  };
}
export type CreativePictures = ReturnType<typeof createCreativePictures>;
