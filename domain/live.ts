/** What changed, never the data itself: each live region of a page reloads on its topic. */
export type LiveTopic = 'leads' | 'sync' | 'messages' | 'connection';

export interface LiveUpdates {
  /** Tells every open page of the tenant, on every web instance. Never throws and never waits: a lost event costs a reload a minute later. */
  publish(tenantId: number, topic: LiveTopic): void;
  /** Calls `listener` on every event of the tenant until the returned function is called. */
  subscribe(tenantId: number, listener: (topic: LiveTopic) => void): () => void;
}
