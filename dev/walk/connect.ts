import type { Page, Person } from './person.ts';

/** Signs in on the page that a person would see. */
export async function signIn(person: Person, { email, password }: { email: string; password: string }): Promise<Page> {
  const page = await person.submit(await person.visit('/login'), 'id="sign-in"', { email, password });
  if (page.url.pathname !== '/crm/marketing')
    throw new Error(`sign-in ended at ${page.url.pathname} (HTTP ${page.status})`);
  return page;
}

/** The values that can be chosen, of those whose label names what `named` asks for. */
function choices(page: Page, name: string, named = /./): string[] {
  const inputs = page.text.matchAll(
    new RegExp(`<input type="(?:radio|checkbox)" name="${name}" value="([^"]+)"([^>]*)><span><b>([^<]*)`, 'g'),
  );
  return [...inputs]
    .filter(([, , rest = '', label = '']) => !rest.includes('disabled') && named.test(label))
    .map(([, value = '']) => value);
}

/** The whole connection by hand: the button, Meta's dialog, business, accounts and the pages of that name, save. `business` is a place in the list. */
export async function connectMeta(
  person: Person,
  hub: Page,
  { business, pages: named }: { business: number; pages: RegExp },
): Promise<{ pages: string[]; adAccounts: string[] }> {
  const dialog = await person.submit(hub, 'id="connect"');
  const returned = await person.submit(dialog, 'name="action"', { action: 'continue' });
  const wizard = returned.url.pathname;
  const atBusiness = await person.waitFor(wizard, (page) => page.text.includes('name="business_id"'));
  const businessId = choices(atBusiness, 'business_id')[business];
  if (businessId === undefined) throw new Error(`the wizard offers no business ${business + 1}`);
  await person.submit(atBusiness, '/business"', { business_id: businessId });
  const atAssets = await person.waitFor(wizard, (page) => page.text.includes('name="ad_account_id"'));
  const adAccounts = choices(atAssets, 'ad_account_id');
  const pages = choices(atAssets, 'page_id', named);
  await person.submit(atAssets, '/assets"', { ad_account_id: adAccounts, page_id: pages });
  const atConfirm = await person.waitFor(wizard, (page) => page.text.includes('/confirmation"'));
  await person.submit(atConfirm, '/confirmation"');
  await person.waitFor('/crm/marketing', isConnected);
  return { pages, adAccounts };
}

export const isConnected = (page: Page): boolean =>
  /class="[^"]*connection-status[^"]*"[^>]*>\s*(?:Connected|Conectado)\s*</.test(page.text);
