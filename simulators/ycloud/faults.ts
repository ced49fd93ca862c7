/** Kinds that touch the HTTP reply of a matching request. */
const replyKinds = [
  'status',
  'code',
  'html',
  'slow',
  'cut_before',
  'cut_after_accept',
  'status_after_accept',
  'truncate',
] as const;
/** Kinds that touch the status webhooks of a matching send. */
const statusKinds = [
  'duplicate_status',
  'repeat_status',
  'conflict_status',
  'reorder_status',
  'drop_status',
  'stuck_sent',
  'failed_status',
  'failed_after_delivered',
  'bad_signature',
  'event_before_reply',
] as const;

export type ReplyKind = (typeof replyKinds)[number];
export type StatusKind = (typeof statusKinds)[number];
const isReplyKind = (kind: unknown): kind is ReplyKind => replyKinds.some((each) => each === kind);
const isStatusKind = (kind: unknown): kind is StatusKind => statusKinds.some((each) => each === kind);

interface Match {
  method?: string;
  path?: string;
}

/** One way to misbehave, for requests whose path begins with `match.path`, with or without `/v2`. */
export interface FaultRequest {
  match?: Match;
  kind: ReplyKind | StatusKind;
  value?: number | string;
  /** Without it the fault holds until it is cleared. */
  times?: number;
}

export interface Fault<Kind = ReplyKind | StatusKind> {
  match: Match;
  kind: Kind;
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
    return fault;
  };
  const isFor = ({ match }: Fault, method: string, path: string) =>
    (match.method ?? method).toUpperCase() === method &&
    (path.startsWith(match.path ?? '') || path.replace(/^\/v2(?=\/)/, '').startsWith(match.path ?? ''));
  return {
    /** Throws a sentence when it is not a fault. */
    add({ match = {}, kind, value, times = Number.POSITIVE_INFINITY }: FaultRequest): void {
      if (!isReplyKind(kind) && !isStatusKind(kind))
        throw new Error(`kind is one of ${[...replyKinds, ...statusKinds].join(', ')}`);
      if (!(times >= 1)) throw new Error('times is a number from 1');
      faults.push({ match, kind, left: times, ...(value === undefined ? {} : { value }) });
    },
    clear() {
      faults = [];
    },
    list: () => faults.map(({ left, ...fault }) => ({ ...fault, left: Number.isFinite(left) ? left : null })),
    forReply: (method: string, path: string) =>
      spend((fault) => isReplyKind(fault.kind) && isFor(fault, method, path)) as Fault<ReplyKind> | undefined,
    /** What one send's statuses suffer: each kind at most once. */
    forStatuses(method: string, path: string): Map<StatusKind, Fault> {
      const found = statusKinds.map((kind) => spend((fault) => fault.kind === kind && isFor(fault, method, path)));
      return new Map(
        found.flatMap((fault) => (fault && isStatusKind(fault.kind) ? [[fault.kind, fault] as const] : [])),
      );
    },
  };
}
