import type { Request, Response } from 'express';
import { z } from 'zod';
import { AppError } from '../domain/error.ts';
import type { Vault } from '../domain/vault.ts';
import { fields } from './lead-forms.ts';
import { callerOf, type Route } from './route.ts';

/** Who is looked for names a person, and addresses stand in histories and other people's logs: so it travels sealed, as `?search=…`. */
export interface Searches {
  seal(tenantId: number, words: string): string;
  /** What the address looks for; nothing when there is no search, or one that this tenant and these keys cannot open. */
  wordsOf(req: Request): string;
}

const MOST = 100;
const PLACES = ['/crm/leads', '/crm/opportunities', '/crm/marketing/automation-logs'] as const;
/** What else a search keeps of its page; `add`, a dialog that is open, has no value. */
const KEPT = new Set(['status', 'seller', 'rule']);
const sealedSearch = z.object({ tenantId: z.number(), words: z.string().max(MOST) });

export function createSearches(vault: Vault): Searches {
  return {
    seal: (tenantId, words) => vault.seal(JSON.stringify({ tenantId, words })),
    wordsOf(req) {
      const sealed = z.string().min(1).max(1000).safeParse(req.query['search']);
      if (!sealed.success) return '';
      const search = opened(vault, sealed.data);
      return search?.tenantId === callerOf(req).tenantId ? search.words : '';
    },
  };
}

function opened(vault: Vault, sealed: string): z.output<typeof sealedSearch> | null {
  try {
    return sealedSearch.parse(JSON.parse(vault.open(sealed)));
  } catch {
    return null; // a search of another installation, or of keys that are gone
  }
}

/** Search boxes post here, and are sent back to their page with the sealed search in its address. */
export const searchRoutes = (searches: Searches): Route[] => [
  {
    method: 'post',
    path: '/crm/searches',
    access: 'person',
    body: 'form',
    handler: (req, res) => search(req, res, searches),
  },
];

const searchForm = z.object({ at: z.enum(PLACES), q: z.string().trim().max(MOST).default('') });

function search(req: Request, res: Response, searches: Searches): void {
  const form = searchForm.safeParse(req.body);
  if (!form.success) throw new AppError('invalid', 'bad search');
  const { at, q } = form.data;
  const kept = Object.entries(fields(req)).filter(
    ([name, value]) => name === 'add' || (KEPT.has(name) && value !== ''),
  );
  const query = new URLSearchParams(kept);
  if (q !== '') query.set('search', searches.seal(callerOf(req).tenantId, q));
  res.redirect(303, query.size === 0 ? at : `${at}?${query}`);
}
