import type { IncomingMessage, ServerResponse } from 'node:http';
import { envelopeOf, Refusal } from './errors.ts';

const BODY_LIMIT = 5_000_000;
const RETRY_AFTER_S = 2;

/** Reads the whole body. Throws Refusal `CONTENT_TOO_LARGE` above 5 MB, and whatever the connection died of. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Reads on to the end even then: who is cut off while writing never sees the answer.
  for await (const chunk of req) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size <= BODY_LIMIT) chunks.push(bytes);
  }
  if (size > BODY_LIMIT) throw new Refusal(413, 'CONTENT_TOO_LARGE', 'the body is too large');
  return Buffer.concat(chunks);
}

/** A body as a JSON object; nothing at all is an empty one. Throws Refusal `BAD_REQUEST`. */
export function jsonObject(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // falls through to the refusal
  }
  throw new Refusal(400, 'BAD_REQUEST', 'the body is not a JSON object');
}

/** Writes JSON, or an empty body for `undefined`. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  const length = { 'Content-Length': String(Buffer.byteLength(text)) };
  res.writeHead(status, { 'Content-Type': 'application/json;charset=UTF-8', ...length, ...headers }).end(text);
}

/** Writes the error envelope; a 429 always names its wait. */
export function sendRefusal(res: ServerResponse, refusal: Refusal, requestId: string): void {
  const wait = refusal.more.retryAfterS ?? (refusal.status === 429 ? RETRY_AFTER_S : undefined);
  sendJson(
    res,
    refusal.status,
    envelopeOf(refusal, requestId),
    wait === undefined ? {} : { 'Retry-After': String(wait) },
  );
}

/** What a proxy in between answers when it has lost the server. */
export function sendHtml(res: ServerResponse, status: number): void {
  res.writeHead(status, { 'Content-Type': 'text/html' }).end('<html><body><h1>Bad gateway</h1></body></html>');
}

/** The head promises more than comes, and then the connection ends. */
export function sendHalf(res: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body ?? {});
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) });
  res.write(text.slice(0, Math.floor(text.length / 2)), () => res.destroy());
}
