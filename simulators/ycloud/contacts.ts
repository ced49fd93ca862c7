import { randomBytes } from 'node:crypto';
import type { Account } from './accounts.ts';
import { invalid, notFound, Refusal } from './errors.ts';
import { type Fields, isPhone } from './message-content.ts';
import { cursorPaged } from './paging.ts';
import type { Webhooks } from './webhooks.ts';

interface Contact {
  id: string;
  phoneNumber: string;
  nickname: string;
  createTime: string;
}

export type Contacts = ReturnType<typeof createContacts>;

/** The little of YCloud's contact book that a client may ask for. */
export function createContacts(webhooks: Webhooks, iso: () => string) {
  const books = new Map<string, Contact[]>();
  const bookOf = ({ id }: Account): Contact[] => {
    const book = books.get(id) ?? [];
    books.set(id, book);
    return book;
  };
  /** By id, or by the phone itself. Throws Refusal `NOT_FOUND`. */
  const find = (account: Account, id: string): Contact => {
    const contact = bookOf(account).find((each) => each.id === id || each.phoneNumber === id);
    if (!contact) throw notFound();
    return contact;
  };
  return {
    find,
    list: (account: Account, query: URLSearchParams): object => cursorPaged(bookOf(account), query),
    create(account: Account, { phoneNumber, nickname = '' }: Fields): Contact {
      if (!isPhone(phoneNumber)) throw invalid('phoneNumber', 'phoneNumber is not an E.164 number');
      if (bookOf(account).some((each) => each.phoneNumber === phoneNumber))
        throw new Refusal(409, 'ALREADY_EXISTS', 'this contact exists');
      const contact = {
        id: randomBytes(9).toString('hex'),
        phoneNumber,
        nickname: String(nickname),
        createTime: iso(),
      };
      bookOf(account).push(contact);
      void webhooks.emit(account, 'contact.created', { contactCreated: contact });
      return contact;
    },
    remove(account: Account, id: string): Contact {
      const contact = find(account, id);
      bookOf(account).splice(bookOf(account).indexOf(contact), 1);
      void webhooks.emit(account, 'contact.deleted', { contactDeleted: contact });
      return contact;
    },
    clear: () => books.clear(),
  };
}
