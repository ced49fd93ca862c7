const LIMIT = 200_000;

export interface LedgerMessage {
  at: string;
  id: string;
  externalId: string | null;
  to: string;
  template: string | null;
  /** The connection was cut after the message was accepted. */
  cut: boolean;
}

export type Ledger = ReturnType<typeof createLedger>;

/** What happened, in order, in the machine's time; the oldest rows go first. */
export function createLedger() {
  const calls: { at: string; method: string; path: string; status: number }[] = [];
  const messages: LedgerMessage[] = [];
  const deliveries: { at: string; url: string; status: number; attempt: number }[] = [];
  const add = <T>(list: T[], row: T) => {
    list.push(row);
    if (list.length > LIMIT * 1.1) list.splice(0, list.length - LIMIT);
    return row;
  };
  const at = () => new Date().toISOString();
  return {
    call: (row: { method: string; path: string; status: number }) => void add(calls, { at: at(), ...row }),
    message: (row: Omit<LedgerMessage, 'at'>) => add(messages, { at: at(), ...row }),
    delivery: (row: { url: string; status: number; attempt: number }) => void add(deliveries, { at: at(), ...row }),
    rows: () => ({ calls, messages, leads: [] as never[], deliveries }),
    clear() {
      for (const list of [calls, messages, deliveries]) list.length = 0;
    },
  };
}
