/** Items in the order of their time; of one time, in the order they came. A binary heap: thousands may wait. */
export function createDueQueue<T extends { due: number }>() {
  const heap: { item: T; place: number }[] = [];
  let places = 0;
  const isBefore = (a: number, b: number): boolean => {
    const [one, other] = [heap[a], heap[b]];
    if (!one || !other) return false;
    return one.item.due < other.item.due || (one.item.due === other.item.due && one.place < other.place);
  };
  const swap = (a: number, b: number) => {
    const [one, other] = [heap[a], heap[b]];
    if (one && other) [heap[a], heap[b]] = [other, one];
  };
  const rise = (start: number) => {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!isBefore(at, parent)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const sink = () => {
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = isBefore(right, left) ? right : left;
      if (!isBefore(least, at)) return;
      swap(least, at);
      at = least;
    }
  };
  return {
    add(item: T) {
      heap.push({ item, place: places++ });
      rise(heap.length - 1);
    },
    first: (): T | undefined => heap[0]?.item,
    take(): T | undefined {
      swap(0, heap.length - 1);
      const taken = heap.pop();
      sink();
      return taken?.item;
    },
    size: () => heap.length,
    clear() {
      heap.length = 0;
    },
  };
}
