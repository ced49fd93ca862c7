import type { Fault, StatusKind } from './faults.ts';
import type { StoredMessage } from './messages.ts';
import { metaTitle } from './meta-codes.ts';
import { fraction } from './random.ts';
import type { EmitOptions } from './webhooks.ts';

const SENT_MS = 50;
const DELIVERED_MS = 150;
const READ_MS = 400;
/** Later than `delivered` surely arrives. */
const LATE_MS = 300;

export interface ProgressDeps {
  iso: () => string;
  seed: number;
  readShare: () => number;
  tell: (message: StoredMessage, options: EmitOptions) => Promise<void>;
}

export type Progress = ReturnType<typeof createProgress>;

/** Moves accepted messages on, in real milliseconds: `sent`, `delivered`, for some `read`; or `failed`. */
export function createProgress({ iso, seed, readShare, tell }: ProgressDeps) {
  const timers = new Set<NodeJS.Timeout>();
  const soon = <T>(ms: number, deed: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        deed().then(resolve, reject);
      }, ms);
      timers.add(timer);
    });

  const fail = (message: StoredMessage, code: string, faults: ReadonlyMap<StatusKind, Fault>) => {
    const isMetas = /^\d+$/.test(code);
    const errorMessage = isMetas ? metaTitle(code) : `not sent: ${code}`;
    // Meta's own error may be absent although the cause is Meta's.
    const isExplained = isMetas && fraction(seed, 'explained', message.id) < 0.5;
    const whatsappApiError = isExplained ? { whatsappApiError: { code, message: errorMessage } } : {};
    Object.assign(message, { status: 'failed', errorCode: code, errorMessage, ...whatsappApiError, updateTime: iso() });
    return tell(message, optionsFor('failed', faults));
  };

  const advance = (message: StoredMessage, status: string, time: string, faults: ReadonlyMap<StatusKind, Fault>) => {
    Object.assign(message, { status, [time]: iso(), updateTime: iso() });
    if (isDropped(status, faults)) return Promise.resolve();
    const told = tell(message, optionsFor(status, faults));
    if (faults.has('repeat_status')) return Promise.all([told, tell(message, {})]).then(() => undefined);
    return told;
  };

  return {
    /** Starts a message's life; resolves when its first event was tried. `isRead` is a share decided by the seed. */
    start(
      message: StoredMessage,
      number: number,
      refusal: string | null,
      faults: ReadonlyMap<StatusKind, Fault>,
    ): Promise<void> {
      const forced = faults.get('failed_status');
      const code = forced ? String(forced.value ?? '131026') : refusal;
      if (code !== null) return soon(SENT_MS, () => fail(message, code, faults));
      const first = soon(SENT_MS, () => advance(message, 'sent', 'sendTime', faults));
      if (faults.has('stuck_sent')) return first;
      void soon(DELIVERED_MS, () => advance(message, 'delivered', 'deliverTime', faults));
      const later = faults.get('failed_after_delivered');
      if (later) void soon(READ_MS, () => fail(message, String(later.value ?? '131026'), faults));
      else if (fraction(seed, 'read', number) < readShare())
        void soon(READ_MS, () => advance(message, 'read', 'readTime', faults));
      return first;
    },
    clear() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** `drop_status` loses every event, or with a value only that status; the message itself moves on all the same. */
function isDropped(status: string, faults: ReadonlyMap<StatusKind, Fault>): boolean {
  const dropped = faults.get('drop_status');
  return dropped !== undefined && (dropped.value ?? status) === status;
}

function optionsFor(status: string, faults: ReadonlyMap<StatusKind, Fault>): EmitOptions {
  return {
    times: faults.has('duplicate_status') ? 2 : 1,
    delayMs: faults.has('reorder_status') && status === 'sent' ? LATE_MS : 0,
    isBadlySigned: faults.has('bad_signature'),
    ...(faults.has('conflict_status') ? { conflict: { note: 'the same id with another body' } } : {}),
  };
}
