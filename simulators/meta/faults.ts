/** Faults the wire can show; `reference` section 11 and the contract name them. */
export const faultKinds = [
  'status',
  'code',
  'html',
  'slow',
  'cut_before',
  'cut_after_accept',
  'truncate',
  'usage',
  'error_in_200',
  'empty_page',
  'batch_null',
  'report_slow',
  'report_missing',
  'report_failed',
  'report_failed_100',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One rule of `POST /_control/faults`. Without `times` it holds until it is cleared. */
export interface Fault {
  readonly match: { readonly method?: string; readonly path?: string };
  readonly kind: FaultKind;
  /** HTTP status, Meta code, milliseconds, usage per cent, or polls: the kind says which. */
  readonly value?: number;
  readonly subcode?: number;
  /** Usage only: which entry, and minutes until access returns. */
  readonly type?: string;
  readonly regainMinutes?: number;
  readonly times?: number;
}

/** The faults in force. */
export interface Faults {
  add(fault: Fault): void;
  /** The first unspent fault that matches, spent by one; `path` may carry its version or not. */
  take(method: string, path: string, inBatch?: boolean): Fault | undefined;
  clear(): void;
}

/** No faults at first. */
export function createFaults(): Faults {
  let entries: { fault: Fault; left: number }[] = [];
  return {
    add: (fault) => entries.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY }),
    take: (method, path, inBatch = false) => {
      const entry = entries.find(
        ({ fault, left }) => left > 0 && matches(fault, method, path) && !(inBatch && wireKinds.has(fault.kind)),
      );
      if (entry === undefined) {
        return undefined;
      }
      entry.left -= 1;
      return entry.fault;
    },
    clear: () => {
      entries = [];
    },
  };
}

/** Faults of the connection itself: an item inside a batch has no connection of its own. */
const wireKinds: ReadonlySet<FaultKind> = new Set([
  'html',
  'slow',
  'cut_before',
  'cut_after_accept',
  'truncate',
  'batch_null',
]);

function matches({ match }: Fault, method: string, path: string): boolean {
  if (match.method !== undefined && match.method.toUpperCase() !== method.toUpperCase()) {
    return false;
  }
  const wanted = match.path;
  if (wanted === undefined || wanted === '' || path.startsWith(wanted)) {
    return true;
  }
  const slashed = wanted.startsWith('/') ? wanted : `/${wanted}`;
  return path.startsWith(slashed) || path.replace(/^\/v\d+\.\d+(?=\/|$)/, '').startsWith(slashed);
}
