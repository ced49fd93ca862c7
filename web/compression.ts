import { promisify } from 'node:util';
import { brotliCompress, brotliCompressSync, constants, gzip, gzipSync } from 'node:zlib';
import type { Request, RequestHandler } from 'express';

export type Encoding = 'br' | 'gzip';

const toBrotli = promisify(brotliCompress);
const toGzip = promisify(gzip);
/** A packet holds this much as it is. */
const LEAST_BYTES = 1400;
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
const THOROUGH = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };

/** What the caller takes, the smaller one first. */
export function encodingFor(req: Request): Encoding | undefined {
  // One at a time: of several, the caller's own order would win.
  return (['br', 'gzip'] as const).find((encoding) => req.acceptsEncodings(encoding) === encoding);
}

/** For what never changes: as small as it gets, once. */
export const compressedOnce = (body: Buffer): Readonly<Record<Encoding, Buffer>> => ({
  br: brotliCompressSync(body, THOROUGH),
  gzip: gzipSync(body, { level: 9 }),
});

/**
 * Compresses pages and JSON as they are sent; streams are left alone. A page's own secret, the CSRF token, is masked anew in each answer
 * (`web/secrets.ts`), so that the length of a compressed page tells nothing about it.
 */
export const compressReplies: RequestHandler = (req, res, next) => {
  const send = res.send.bind(res);
  res.send = (body) => {
    if (typeof body !== 'string' || body.length < LEAST_BYTES || req.method === 'HEAD') return send(body);
    res.vary('Accept-Encoding');
    const encoding = encodingFor(req);
    if (encoding === undefined) return send(body);
    const squeeze = encoding === 'br' ? toBrotli(body, QUICK) : toGzip(body);
    squeeze.then(
      (small) => {
        // Express names the type of a text; of bytes it would say octet-stream.
        if (!res.get('content-type')) res.type('html');
        res.set('content-encoding', encoding);
        send(small);
      },
      (error) => next(error),
    );
    return res;
  };
  next();
};
