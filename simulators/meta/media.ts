import { crc32, deflateSync } from 'node:zlib';
import type { Reply } from './http.ts';
import { hash32 } from './random.ts';
import type { Simulator } from './simulator.ts';

const SIDE = 64;

/** `GET /media/{creative}.png`: a small picture for each creative. Its address runs out: 403 after `oe`. */
export function media(sim: Simulator, url: URL): Reply {
  const id = /^\/media\/(\d+)\.png$/.exec(url.pathname)?.[1];
  if (id === undefined || sim.world.byId.get(id)?.kind !== 'creative') {
    return { status: 404, headers: { 'Content-Type': 'text/plain' }, text: 'Content not found' };
  }
  const expires = Number.parseInt(url.searchParams.get('oe') ?? '', 16);
  if (!(expires > sim.clock.seconds())) {
    return { status: 403, headers: { 'Content-Type': 'text/plain' }, text: 'URL signature expired' };
  }
  return {
    status: 200,
    headers: { 'Content-Type': 'image/png', 'Cache-Control': 'max-age=86400' },
    text: picture(id),
  };
}

/** A disc on a ground, in three colours. */
function picture(id: string): Buffer {
  const radius = 10 + (hash32(id, 'radius') % 12);
  const rows = Buffer.alloc((SIDE + 1) * SIDE);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const isDisc = (x - 32) ** 2 + (y - 28) ** 2 < radius ** 2;
      const isLine = y > 48 && y < 53 && x > 16 && x < 48;
      rows[y * (SIDE + 1) + 1 + x] = isDisc ? 1 : isLine ? 2 : 0;
    }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from([...shade(id, 208), 255, 255, 255, ...shade(id, 96)])),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

const shade = (id: string, light: number): [number, number, number] => {
  const turn = hash32(id) % 3;
  const tint = hash32(id, 'tint') % 40;
  const parts = [light, light - 40 + tint, light - 20];
  return [parts[turn] ?? light, parts[(turn + 1) % 3] ?? light, parts[(turn + 2) % 3] ?? light];
};
