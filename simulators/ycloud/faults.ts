/** One way to misbehave. HTTP kinds touch a matching request; the others touch the webhooks of messages. */
export type FaultKind =
  | 'status'
  | 'code'
  | 'html'
  | 'slow'
  | 'cut_before'
  | 'cut_after_accept'
  | 'truncate'
  | 'duplicate_status'
  | 'reorder_status'
  | 'drop_status'
  | 'failed_status'
  | 'event_before_reply';

const kinds: ReadonlySet<string> = new Set<FaultKind>([
  'status',
  'code',
  'html',
  'slow',
  'cut_before',
  'cut_after_accept',
  'truncate',
  'duplicate_status',
  'reorder_status',
  'drop_status',
  'failed_status',
  'event_before_reply',
]);
const ofWebhooks: ReadonlySet<FaultKind> = new Set([
  'duplicate_status',
  'reorder_status',
  'drop_status',
  'failed_status',
  'event_before_reply',
]);

export interface Fault {
  match: { method?: string; path?: string };
  kind: FaultKind;
  value?: number | string;
  left: number;
}

export type Faults = ReturnType<typeof createFaults>;

/** The faults set through `/_control/faults`; the first unspent match applies. */
export function createFaults() {
  let faults: Fault[] = [];
  const spend = (matches: (fault: Fault) => boolean): Fault | undefined => {
    const fault = faults.find((each) => each.left > 0 && matches(each));
    if (fault) fault.left--;
    faults = faults.filter((each) => each.left > 0);
    return fault;
  };
  return {
    /** Throws a sentence when it is not a fault. `times` defaults to once. */
    add(given: unknown): void {
      const {
        match = {},
        kind,
        value,
        times = 1,
      } = (given ?? {}) as { match?: Fault['match']; kind?: unknown; value?: number | string; times?: number };
      if (typeof kind !== 'string' || !kinds.has(kind)) throw new Error(`kind is one of ${[...kinds].join(', ')}`);
      if (!Number.isInteger(times) || times < 1) throw new Error('times is a whole number from 1');
      faults.push({ match, kind: kind as FaultKind, left: times, ...(value === undefined ? {} : { value }) });
    },
    clear() {
      faults = [];
    },
    list: () => faults,
    forRequest: (method: string, path: string) =>
      spend(
        (fault) =>
          !ofWebhooks.has(fault.kind) &&
          (fault.match.method ?? method).toUpperCase() === method &&
          path.startsWith(fault.match.path ?? ''),
      ),
    forWebhooks: (kind: FaultKind) => spend((fault) => fault.kind === kind),
  };
}
