import type { Request, Response } from 'express';
import type { CreativePictures } from '../adapters/postgres/creative-pictures.ts';
import { AppError } from '../domain/error.ts';
import { callerOf, type Route } from './route.ts';

export interface ThumbnailDeps {
  creativePictures: Pick<CreativePictures, 'maybeById'>;
}

/** The creatives' pictures from our own copy: no page asks Meta for anything. */
export const thumbnailRoutes = (deps: ThumbnailDeps): Route[] => [
  { method: 'get', path: '/thumbnails/:id', access: 'person', handler: (req, res) => show(req, res, deps) },
];

const WEEK_S = 7 * 24 * 60 * 60;

/** A copied picture never changes. */
async function show(req: Request, res: Response, { creativePictures }: ThumbnailDeps): Promise<void> {
  const found = await creativePictures.maybeById(callerOf(req).tenantId, String(req.params['id']));
  if (found === null) throw new AppError('not_found', 'no picture of this creative');
  res.set({ 'content-type': found.type, 'cache-control': `private, max-age=${WEEK_S}, immutable` }).send(found.picture);
}
