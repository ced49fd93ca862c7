import type { Lead } from './leads.ts';
import { rawNumber } from './wire.ts';

/** Leads that go out together. */
export interface Parcel {
  readonly leads: readonly Lead[];
  /** Puts a change of another field beside the leads, with names and addresses that need escaping. */
  readonly foreign: boolean;
}

/** The body of a `page` webhook: one entry per page. `time` is the sending time in seconds. */
export function webhookPayload({ leads, foreign }: Parcel, time: number): unknown {
  const pages = Map.groupBy(leads, (lead) => lead.pageId);
  const entry = [...pages].map(([id, ofPage]) => ({
    id,
    time,
    changes: [...(foreign ? [comment(id, time)] : []), ...ofPage.map(change)],
  }));
  return { object: 'page', entry };
}

/** Ids as numbers for one lead and as text for the next. An organic lead has no ad, a test lead the ad 0. */
function change(lead: Lead): unknown {
  const idOf = (digits: string) => (lead.numericIds ? rawNumber(digits) : digits);
  return {
    field: 'leadgen',
    value: {
      created_time: Math.floor(lead.createdAt / 1000),
      leadgen_id: idOf(lead.id),
      page_id: idOf(lead.pageId),
      form_id: idOf(lead.formId),
      ...(lead.adId === undefined ? {} : { ad_id: idOf(lead.adId), adgroup_id: idOf(lead.adId) }),
      ...(lead.test ? { ad_id: 0, adgroup_id: 0 } : {}),
    },
  };
}

/** A change that nobody subscribed leads for: receivers must pass over it, and re-serialising it breaks its signature. */
function comment(pageId: string, time: number): unknown {
  return {
    field: 'feed',
    value: {
      item: 'comment',
      verb: 'add',
      from: { id: '10220000000099999', name: 'José Muñoz' },
      message: '¿Atienden los sábados? 😀',
      permalink_url: `https://www.facebook.com/${pageId}/posts/1`,
      created_time: time,
    },
  };
}
