const LIMIT = 200_000;

/** One request, without its query: a path never holds a token. `status` 0 means the connection was cut. */
export interface CallRow {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** One lead that people submitted, however often its webhook went out. */
export interface LeadRow {
  readonly leadgen_id: string;
  readonly form_id: string;
  readonly page_id: string;
  readonly at: string;
}

/** One attempt to deliver a webhook; `status` 0 means no answer. */
export interface DeliveryRow {
  readonly at: string;
  readonly url: string;
  readonly status: number;
  readonly attempt: number;
}

/** What happened, in order, in the machine's time; the oldest rows go first beyond 200,000 of a kind. */
export interface Ledger {
  call(row: Omit<CallRow, 'at'>): void;
  lead(row: Omit<LeadRow, 'at'>): void;
  delivery(row: Omit<DeliveryRow, 'at'>): void;
  rows(): {
    calls: readonly CallRow[];
    messages: readonly never[];
    leads: readonly LeadRow[];
    deliveries: readonly DeliveryRow[];
  };
  clear(): void;
}

/** An empty ledger. Meta sends no WhatsApp messages here, so `messages` stays empty. */
export function createLedger(): Ledger {
  const calls: CallRow[] = [];
  const leads: LeadRow[] = [];
  const deliveries: DeliveryRow[] = [];
  const add = <T>(list: T[], row: T) => {
    list.push(row);
    if (list.length > LIMIT * 1.1) {
      list.splice(0, list.length - LIMIT);
    }
  };
  const at = () => new Date().toISOString();
  return {
    call: (row) => add(calls, { at: at(), ...row }),
    lead: (row) => add(leads, { ...row, at: at() }),
    delivery: (row) => add(deliveries, { at: at(), ...row }),
    rows: () => ({ calls, messages: [], leads, deliveries }),
    clear: () => {
      for (const list of [calls, leads, deliveries]) {
        list.length = 0;
      }
    },
  };
}
