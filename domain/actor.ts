/** Who did something, as the audit trail names them: ids only. */
export interface Actor {
  type: 'user' | 'api_key' | 'admin_key' | 'operator' | 'system' | 'meta' | 'ycloud';
  id: string | null;
  /** The caller's address, already shortened to /24 or /48. */
  address?: string | null;
  requestId?: string | null;
}

/** What programs do by themselves: a workflow, the dispatcher, a schedule. */
export const system = (id: string): Actor => ({ type: 'system', id });
