import type { IncomingMessage } from 'node:http';
import { badParameter } from './errors.ts';
import type { Fault } from './faults.ts';

export type Method = 'GET' | 'POST' | 'DELETE';
export type Params = Readonly<Record<string, string>>;

/** One call to the Graph API, the same whether it came alone or inside a batch. */
export interface GraphCall {
  readonly method: Method;
  /** The version asked for, e.g. `v26.0`; empty when the address had none. */
  readonly version: string;
  /** Path without version and without slashes at the ends. */
  readonly path: string;
  /** Query and body together; JSON values that are not text are kept as JSON text. */
  readonly params: Params;
  readonly token: string | undefined;
  readonly fault: Fault | undefined;
}

/** What goes back: either a JSON value or finished text with its type. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string | Buffer;
}

const BODY_LIMIT = 20_000_000;

/** Reads the whole body; more than 20 MB is refused with code 100. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > BODY_LIMIT) {
      throw badParameter('Request body too large');
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Turns an HTTP request into a Graph call. Accepts query, form, multipart and JSON bodies, as Graph does. */
export async function parseCall(request: IncomingMessage, body: Buffer, fault?: Fault): Promise<GraphCall> {
  const url = new URL(request.url ?? '/', 'http://simulator');
  const params: Record<string, string> = {
    ...Object.fromEntries(url.searchParams),
    ...(await bodyParams(request.headers['content-type'] ?? '', body)),
  };
  const bearer = /^(?:Bearer|OAuth)\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return graphCall(request.method ?? 'GET', url.pathname, params, params['access_token'] ?? bearer, fault);
}

/** Builds a call from its parts; `method=delete` in the parameters overrides the method, as Graph allows. */
export function graphCall(
  method: string,
  pathname: string,
  params: Params,
  token: string | undefined,
  fault?: Fault,
): GraphCall {
  const segments = pathname.split('/').filter((segment) => segment !== '');
  const version = /^v\d+\.\d+$/.test(segments[0] ?? '') ? (segments.shift() ?? '') : '';
  return {
    method: methodOf(params['method'] ?? method),
    version,
    path: segments.map(decoded).join('/'),
    params,
    token,
    fault,
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // a stray per cent sign names nothing, and that is what the caller will be told
  }
}

function methodOf(text: string): Method {
  const method = text.toUpperCase();
  if (method === 'GET' || method === 'POST' || method === 'DELETE') {
    return method;
  }
  return method === 'PUT' || method === 'PATCH' ? 'POST' : 'GET';
}

async function bodyParams(contentType: string, body: Buffer): Promise<Record<string, string>> {
  if (body.length === 0) {
    return {};
  }
  if (contentType.includes('json')) {
    return jsonParams(body.toString('utf8'));
  }
  if (contentType.includes('multipart/form-data')) {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
    return Object.fromEntries([...form].map(([name, value]) => [name, typeof value === 'string' ? value : '']));
  }
  return Object.fromEntries(new URLSearchParams(body.toString('utf8')));
}

function jsonParams(text: string): Record<string, string> {
  const value = parseJson(text);
  if (!isObject(value)) {
    throw badParameter('The request body is not a JSON object');
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== undefined && entry !== null)
      .map(([name, entry]) => [name, typeof entry === 'string' ? entry : JSON.stringify(entry)]),
  );
}

/** JSON text to a value, `undefined` when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Narrows an unknown value to an object with text keys. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
