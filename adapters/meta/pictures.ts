import { PICTURE_BYTES } from '../../domain/picture.ts';

const DEADLINE_MS = 10_000;
/** Where Meta keeps pictures. */
const META_HOSTS = /(^|\.)(fbcdn\.net|facebook\.com|fbsbx\.com|cdninstagram\.com)$/;

/** Reads the small pictures of creatives from the addresses that Graph named. */
export const createPictures = ({ graphUrl }: { graphUrl: string }) => ({
  /** The bytes, or null: the address ran out, is not one of Meta's, or holds more than a small picture. */
  async read(address: string): Promise<Buffer | null> {
    if (!isMetas(address, graphUrl)) return null;
    try {
      const reply = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(DEADLINE_MS) });
      if (!reply.ok || reply.body === null) return null;
      const parts: Uint8Array[] = [];
      let size = 0;
      for await (const part of reply.body) {
        size += part.length;
        if (size > PICTURE_BYTES) return null;
        parts.push(part);
      }
      return Buffer.concat(parts);
    } catch {
      return null; // its address is signed and never logged
    }
  },
});
export type Pictures = ReturnType<typeof createPictures>;

/** An address comes from outside: it must not lead into our own network. Graph itself may be the simulator. */
function isMetas(address: string, graphUrl: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, origin } = new URL(address);
  return (protocol === 'https:' && META_HOSTS.test(hostname)) || origin === new URL(graphUrl).origin;
}
