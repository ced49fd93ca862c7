import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { RequestHandler } from 'express';
import { compressedOnce, type Encoding, encodingFor } from './compression.ts';

const own = join(import.meta.dirname, '../views/assets');
const htmx = dirname(createRequire(import.meta.url).resolve('htmx.org/dist/htmx.min.js'));

interface Asset {
  body: Buffer;
  compressed: Readonly<Record<Encoding, Buffer>>;
  type: string;
}

// One htmx file: an extension in a deferred file of its own often comes too late and stays silently dead.
const files: Readonly<Record<string, { type: string; parts: readonly string[] }>> = {
  'hub.css': { type: 'text/css; charset=utf-8', parts: [join(own, 'hub.css'), join(own, 'app.css')] },
  'icons.svg': { type: 'image/svg+xml', parts: [join(own, 'icons.svg')] },
  'mark.svg': { type: 'image/svg+xml', parts: [join(own, 'mark.svg')] },
  'hub.js': {
    type: 'text/javascript; charset=utf-8',
    parts: [join(htmx, 'htmx.min.js'), join(htmx, 'ext/hx-sse.min.js'), join(own, 'app.js')],
  },
};

const byPath = new Map<string, Asset>();
/** Name → address with the content's fingerprint in it, so that browsers may keep it for good. */
export const assetPaths: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(files).map(([name, { type, parts }]) => {
    const body = Buffer.from(
      parts.map((part) => readFileSync(part, 'utf8')).join(type.startsWith('text/javascript') ? ';\n' : '\n'),
    );
    const fingerprint = createHash('sha256').update(body).digest('hex').slice(0, 10);
    const path = `/assets/${fingerprint}/${name}`;
    byPath.set(path, { body, type, compressed: compressedOnce(body) });
    return [name, path];
  }),
);

export const serveAssets: RequestHandler = (req, res, next) => {
  const asset = byPath.get(req.path);
  if (!asset || (req.method !== 'GET' && req.method !== 'HEAD')) return next();
  const encoding = encodingFor(req);
  res
    .vary('Accept-Encoding')
    .set({ 'content-type': asset.type, 'cache-control': 'public, max-age=31536000, immutable' });
  if (encoding !== undefined) res.set('content-encoding', encoding);
  res.send(encoding === undefined ? asset.body : asset.compressed[encoding]);
};
