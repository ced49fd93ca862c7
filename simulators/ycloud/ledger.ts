const LIMIT = 200_000;

export interface CallRow {
  at: string;
  method: string;
  /** Without the query. */
  path: string;
  /** 0 when the connection was cut. */
  status: number;
}

export interface MessageRow {
  at: string;
  id: string;
  externalId: string | null;
  to: string;
  template: string | null;
  /** Accepted, and then the connection was cut before any reply. */
  cut: boolean;
}

export interface DeliveryRow {
  at: string;
  url: string;
  /** 0 without an answer. */
  status: number;
  attempt: number;
}

export type Ledger = ReturnType<typeof createLedger>;

/** What happened, in order, in the machine's time; far beyond any test the oldest rows go. */
export function createLedger() {
  const calls: CallRow[] = [];
  const messages: MessageRow[] = [];
  const deliveries: DeliveryRow[] = [];
  const add = <T>(list: T[], row: T) => {
    list.push(row);
    if (list.length > LIMIT * 1.1) list.splice(0, list.length - LIMIT);
  };
  const at = () => new Date().toISOString();
  return {
    call: (row: Omit<CallRow, 'at'>) => add(calls, { at: at(), ...row }),
    message: (row: Omit<MessageRow, 'at'>) => add(messages, { at: at(), ...row }),
    delivery: (row: Omit<DeliveryRow, 'at'>) => add(deliveries, { at: at(), ...row }),
    /** `leads` is Meta's list and stays empty here. */
    rows: () => ({ calls, messages, leads: [] as const, deliveries }),
    clear() {
      for (const list of [calls, messages, deliveries]) list.length = 0;
    },
  };
}
