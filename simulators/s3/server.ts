import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { envelopeOf, Refusal } from './errors.ts';
import { checkSignature, type Owner } from './signature.ts';

export interface S3Options extends Owner {
  /** 0 takes any free one. */
  port: number;
  buckets: readonly string[];
}

/** What goes wrong with the next request: an answer with this status, or the connection cut before or after the request took effect. */
export type Fault = { kind: 'status'; status: number } | { kind: 'cut_before' } | { kind: 'cut_after' };

export interface StoredObject {
  content: Buffer;
  etag: string;
  storedAt: Date;
}

interface World {
  options: S3Options;
  /** By `/bucket/key`. */
  objects: Map<string, StoredObject>;
  faults: Fault[];
}

export type S3Simulator = Awaited<ReturnType<typeof startS3Simulator>>;

/** Objects of an S3 server in memory: PUT, GET, HEAD and DELETE of an object, the bucket in the path, every request signed. */
export async function startS3Simulator(options: S3Options) {
  const world: World = { options, objects: new Map(), faults: [] };
  const server = createServer((req, res) => {
    serve(req, res, world).catch(() => res.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(options.port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: world.objects,
    /** Taken one a request, in order. */
    faults: world.faults,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(req: IncomingMessage, res: ServerResponse, world: World): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(req as AsyncIterable<Buffer>));
  const requestId = randomUUID();
  const resource = decodeURIComponent(new URL(req.url ?? '/', 'http://s3').pathname);
  res.setHeader('x-amz-request-id', requestId);
  const fault = world.faults.shift();
  if (fault?.kind === 'cut_before') return void res.destroy();
  try {
    if (fault?.kind === 'status') throw new Refusal(fault.status, 'InternalError', 'We encountered an internal error.');
    checkSignature(req, body, world.options, Date.now());
    answer(req, res, { world, body, resource, isCut: fault?.kind === 'cut_after' });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    res.writeHead(error.status, { 'content-type': 'application/xml' }).end(envelopeOf(error, resource, requestId));
  }
}

interface Call {
  world: World;
  body: Buffer;
  resource: string;
  isCut: boolean;
}

function answer(req: IncomingMessage, res: ServerResponse, { world, body, resource, isCut }: Call): void {
  const [, bucket = '', key] = /^\/([^/]+)\/(.+)$/s.exec(resource) ?? [];
  if (key === undefined) throw new Refusal(501, 'NotImplemented', 'Only objects are simulated');
  if (!world.options.buckets.includes(bucket))
    throw new Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist');
  if (req.method === 'PUT') {
    const stored = put(world, resource, body, req.headers['content-md5']);
    if (isCut) return void res.destroy();
    return void res.writeHead(200, { etag: stored.etag }).end();
  }
  if (req.method === 'DELETE') {
    world.objects.delete(resource);
    return void res.writeHead(204).end();
  }
  if (req.method !== 'GET' && req.method !== 'HEAD')
    throw new Refusal(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
  const found = world.objects.get(resource);
  if (found === undefined) throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
  const { content, etag, storedAt } = found;
  res.writeHead(200, { etag, 'content-length': content.length, 'last-modified': storedAt.toUTCString() });
  res.end(req.method === 'HEAD' ? undefined : content);
}

function put(world: World, resource: string, content: Buffer, md5Given: string | string[] | undefined): StoredObject {
  const md5 = createHash('md5').update(content);
  const digest = md5.digest();
  if (md5Given !== undefined && md5Given !== digest.toString('base64'))
    throw new Refusal(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  const stored = { content, etag: `"${digest.toString('hex')}"`, storedAt: new Date() };
  world.objects.set(resource, stored);
  return stored;
}
