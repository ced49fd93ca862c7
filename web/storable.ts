import type { RequestHandler } from 'express';

/** Refuses addresses and bodies with characters that PostgreSQL cannot hold: NUL, and halves of surrogate pairs. */
export const refuseUnstorable: RequestHandler = (req, _res, next) => {
  if (req.originalUrl.includes('%00') || holdsUnstorable(req.body))
    throw Object.assign(new Error('a character that no text can hold'), { status: 400 });
  next();
};

/** Walks by hand: a body may be nested deeper than the call stack. */
function holdsUnstorable(body: unknown): boolean {
  const left: unknown[] = [body];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) return true;
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) continue;
    for (const [key, inner] of Object.entries(value)) left.push(key, inner);
  }
  return false;
}
