interface Waiting<Item> {
  items: readonly Item[];
  resolve: (count: number) => void;
  reject: (error: unknown) => void;
}

/**
 * Lets callers that come while others are being served share one statement: under load a commit costs more than its rows. Nobody waits while a lane is free.
 * Each caller hears only when its items are committed; of a shared statement the first hears the whole count. Where one fails each of its callers is
 * served alone, so that nobody fails for another.
 */
export function together<Item>(
  run: (items: readonly Item[]) => Promise<number>,
  { lanes, most }: { lanes: number; most: number },
): (items: readonly Item[]) => Promise<number> {
  const waiting: Waiting<Item>[] = [];
  let busy = 0;

  const serve = ({ items, resolve, reject }: Waiting<Item>) => run(items).then(resolve, reject);
  const serveAll = async (callers: readonly Waiting<Item>[]) => {
    const [first] = callers;
    if (first === undefined) return;
    if (callers.length === 1) return serve(first);
    try {
      const count = await run(callers.flatMap(({ items }) => items));
      for (const caller of callers) caller.resolve(caller === first ? count : 0);
    } catch {
      await Promise.all(callers.map(serve));
    }
  };
  const next = async () => {
    busy++;
    while (waiting.length > 0) await serveAll(waiting.splice(0, fitting(waiting, most)));
    busy--;
  };

  return (items) =>
    new Promise((resolve, reject) => {
      waiting.push({ items, resolve, reject });
      if (busy < lanes) void next();
    });
}

/** How many callers fit into one statement; one always does. */
function fitting<Item>(waiting: readonly Waiting<Item>[], most: number): number {
  let size = 0;
  const index = waiting.findIndex(({ items }, at) => {
    size += items.length;
    return size > most && at > 0;
  });
  return index === -1 ? waiting.length : index;
}
