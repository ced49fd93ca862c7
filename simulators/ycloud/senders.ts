import type { Account, Accounts } from './accounts.ts';
import { notFound } from './errors.ts';
import { filtered, paged } from './paging.ts';
import type { Webhooks } from './webhooks.ts';
import type { PhoneNumber, Waba, World } from './world.ts';

export type Senders = ReturnType<typeof createSenders>;

/** WhatsApp business accounts and their numbers, as an account sees them. */
export function createSenders({ world, accounts, webhooks }: { world: World; accounts: Accounts; webhooks: Webhooks }) {
  const found = <T>(value: T | undefined): T => {
    if (value === undefined) throw notFound();
    return value;
  };
  return {
    listPhones: ({ wabaIds }: Account, query: URLSearchParams): object =>
      paged(
        filtered(
          world.phones.filter(({ wabaId }) => wabaIds.has(wabaId)),
          query,
          ['wabaId'],
        ),
        query,
      ),
    /** By WABA and phone; the numeric id does not work here either. */
    findPhone: ({ wabaIds }: Account, wabaId: string, phone: string): PhoneNumber =>
      found(world.phones.find((each) => wabaIds.has(wabaId) && each.wabaId === wabaId && each.phoneNumber === phone)),
    listWabas: ({ wabaIds }: Account, query: URLSearchParams): object =>
      paged(
        world.wabas.filter(({ id }) => wabaIds.has(id)),
        query,
      ),
    findWaba: ({ wabaIds }: Account, id: string): Waba =>
      found(world.wabas.find((waba) => waba.id === id && wabaIds.has(id))),
    /** Meta rates or stops a number; its account is told. Throws a sentence for an unknown one. */
    change(
      phoneNumber: string,
      change: Partial<Pick<PhoneNumber, 'status' | 'qualityRating' | 'messagingLimit'>>,
    ): PhoneNumber {
      const phone = world.phones.find((each) => each.phoneNumber === phoneNumber);
      if (!phone) throw new Error('no such business number');
      Object.assign(phone, change);
      const qualityUpdateEvent = phone.status === 'FLAGGED' ? 'FLAGGED' : 'DOWNGRADE';
      void webhooks.emit(accounts.ofWaba(phone.wabaId), 'whatsapp.phone_number.quality_updated', {
        whatsappPhoneNumber: { ...phone, qualityUpdateEvent },
      });
      return phone;
    },
  };
}
