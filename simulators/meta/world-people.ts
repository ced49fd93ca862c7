import type { AdAccount, Business, Page, User } from './world-types.ts';

/** Makes an id of a kind from its prefix and number. */
export type MakeId = (prefix: string, index: number) => string;

/** The three businesses; the agency also looks after the shop's account and page. */
export function buildBusinesses(id: MakeId, accounts: readonly AdAccount[], pages: readonly Page[]): Business[] {
  return ['Aurora Salud', 'Río Norte Calzados', 'Estudio Palta'].map((name, index) => {
    const businessId = id('4055000', index + 1);
    return {
      kind: 'business',
      id: businessId,
      name,
      ownedAccounts: accounts.filter((account) => account.businessId === businessId).map((account) => account.id),
      clientAccounts: index === 2 ? [at(accounts, 2).id] : [],
      ownedPages: pages.filter((page) => page.businessId === businessId).map((page) => page.id),
      clientPages: index === 2 ? [at(pages, 3).id] : [],
      datasetId: id('771000', index + 1),
    };
  });
}

/**
 * Five people and one system user per business. The first person sees the whole world, the second has no business,
 * the third no ad account, the fourth works for the agency and the fifth for the shop.
 */
export function buildUsers(
  id: MakeId,
  businesses: readonly Business[],
  accounts: readonly AdAccount[],
  pages: readonly Page[],
): User[] {
  const persons = buildPersons(businesses, accounts, pages).map(
    (person, index): User => ({ kind: 'user', id: id('10220000', index + 1), systemOf: undefined, ...person }),
  );
  const systems = businesses.map(
    (business, index): User => ({
      kind: 'user',
      id: id('61550000', index + 1),
      name: `${business.name} · integración`,
      businesses: [business.id],
      accounts: [...business.ownedAccounts, ...business.clientAccounts],
      pages: [...business.ownedPages, ...business.clientPages],
      systemOf: business.id,
    }),
  );
  return [...persons, ...systems];
}

function buildPersons(
  businesses: readonly Business[],
  accounts: readonly AdAccount[],
  pages: readonly Page[],
): Omit<User, 'kind' | 'id' | 'systemOf'>[] {
  const ids = (objects: readonly { id: string }[]) => objects.map((object) => object.id);
  const [clinic, shop, agency] = [at(businesses, 0), at(businesses, 1), at(businesses, 2)];
  const firstPage = [at(pages, 0).id];
  return [
    { name: 'Carla Domínguez', businesses: ids(businesses), accounts: ids(accounts), pages: ids(pages) },
    { name: 'Hernán Muñoz (sin negocio)', businesses: [], accounts: [], pages: firstPage },
    { name: 'Sofía Iturbe (sin cuentas publicitarias)', businesses: [clinic.id], accounts: [], pages: firstPage },
    {
      name: 'Bruno Salas (agencia)',
      businesses: [agency.id],
      accounts: [...agency.ownedAccounts, ...agency.clientAccounts],
      pages: [...agency.ownedPages, ...agency.clientPages],
    },
    {
      name: 'Noelia Paz (zapatería)',
      businesses: [shop.id],
      accounts: [...shop.ownedAccounts],
      pages: [...shop.ownedPages],
    },
  ];
}

/** The entry of a plan; a missing one is a mistake in the plan and throws. */
export function at<T>(list: readonly T[], index: number): T {
  const entry = list[index];
  if (entry === undefined) {
    throw new Error(`the plan has no entry ${index}`);
  }
  return entry;
}
