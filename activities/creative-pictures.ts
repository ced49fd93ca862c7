import { heartbeat } from '@temporalio/activity';
import type { Pictures } from '../adapters/meta/pictures.ts';
import type { CreativePictures } from '../adapters/postgres/creative-pictures.ts';
import { pictureType } from '../domain/picture.ts';

export interface CreativePictureDeps {
  pictures: Pictures;
  creativePictures: Pick<CreativePictures, 'due' | 'save'>;
  /** Tables on screen are cached with the pictures they had. */
  cache: { invalidate(tenantId: number): Promise<void> };
}

const AT_MOST = 200;
const AT_ONCE = 4;
/** A sync waits for this. */
const MOST_MS = 30_000;

export type CreativePictureActivities = ReturnType<typeof createCreativePictureActivities>;

/** Copies of the creatives' pictures, before Meta's addresses for them run out. */
export function createCreativePictureActivities({ pictures, creativePictures, cache }: CreativePictureDeps) {
  return {
    /** As many as fit into one go; the next sync takes the rest. A picture that cannot be had is tried again later, and never stops a sync. */
    async copyPictures({ tenantId }: { tenantId: number }): Promise<{ copied: number; failed: number }> {
      const waiting = [...(await creativePictures.due(tenantId, AT_MOST))];
      const count = { copied: 0, failed: 0 };
      const until = Date.now() + MOST_MS;
      const worker = async () => {
        for (let next = waiting.shift(); next !== undefined && Date.now() < until; next = waiting.shift()) {
          const bytes = await pictures.read(next.address);
          const type = bytes === null ? null : pictureType(bytes);
          await creativePictures.save(
            tenantId,
            next.creative_id,
            bytes === null || type === null ? null : { type, bytes },
          );
          count[type === null ? 'failed' : 'copied'] += 1;
          heartbeat(count);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      if (count.copied > 0) await cache.invalidate(tenantId);
      return count;
    },
  };
}
