/** A 32-bit hash of the parts, the same on every machine (FNV-1a with a murmur finish). */
export function hash32(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of parts.join('|')) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return finish(hash);
}

/** Mixes small numbers into a hash without building text: the fast path of the daily figures. */
export function mix(seed: number, ...parts: readonly number[]): number {
  let hash = seed;
  for (const part of parts) {
    hash = finish(Math.imul(hash ^ part, 0x9e3779b1) + 0x7f4a7c15);
  }
  return hash >>> 0;
}

/** The hash as a fraction, 0 included and 1 excluded. */
export function fraction(hash: number): number {
  return hash / 0x1_0000_0000;
}

/** One entry of a list, chosen by the hash. Throws on an empty list. */
export function pick<T>(list: readonly T[], hash: number): T {
  const chosen = list[hash % list.length];
  if (chosen === undefined) {
    throw new Error('cannot pick from an empty list');
  }
  return chosen;
}

function finish(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
