import type { Reply } from './http.ts';
import { hash32 } from './random.ts';
import type { Simulator } from './simulator.ts';

/** `GET /media/{creative}.svg`: a small picture for each creative. Its address runs out: 403 after `oe`. */
export function media(sim: Simulator, url: URL): Reply {
  const id = /^\/media\/(\d+)\.svg$/.exec(url.pathname)?.[1];
  if (id === undefined || sim.world.byId.get(id)?.kind !== 'creative') {
    return { status: 404, headers: { 'Content-Type': 'text/plain' }, text: 'Content not found' };
  }
  const expires = Number.parseInt(url.searchParams.get('oe') ?? '', 16);
  if (!(expires > sim.clock.seconds())) {
    return { status: 403, headers: { 'Content-Type': 'text/plain' }, text: 'URL signature expired' };
  }
  return {
    status: 200,
    headers: { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'max-age=86400' },
    text: drawing(id),
  };
}

function drawing(id: string): string {
  const hue = hash32(id) % 360;
  const radius = 14 + (hash32(id, 'radius') % 14);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96"><rect width="96" height="96" fill="hsl(${hue} 45% 82%)"/><circle cx="48" cy="44" r="${radius}" fill="#fff"/><path d="M28 72h40" stroke="hsl(${hue} 40% 40%)" stroke-width="5" stroke-linecap="round"/></svg>`;
}
