type Row = Record<string, unknown>;

const MOST_KEPT = 8;

/** The newest results of insights, so that a page costs a page and not the whole result again. Whatever changes the world clears them. */
export interface Results {
  of(question: string, reckon: () => readonly Row[]): readonly Row[];
  clear(): void;
}

export function createResults(): Results {
  const kept = new Map<string, readonly Row[]>();
  return {
    of(question, reckon) {
      const rows = kept.get(question) ?? reckon();
      kept.delete(question);
      kept.set(question, rows);
      const [oldest] = kept.keys();
      if (kept.size > MOST_KEPT && oldest !== undefined) {
        kept.delete(oldest);
      }
      return rows;
    },
    clear: () => kept.clear(),
  };
}
