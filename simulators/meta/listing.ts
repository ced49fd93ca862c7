import type { Context } from './context.ts';
import { badParameter } from './errors.ts';
import { parseFilters, parseList, passes } from './filtering.ts';
import { knownFields } from './known-fields.ts';
import { type Page, pageOf } from './paging.ts';
import { type FieldSpec, parseFields, plainField, project } from './projection.ts';

type GraphRecord = Readonly<Record<string, unknown>>;
type Expand = (record: GraphRecord, spec: FieldSpec) => unknown;

/** What a list edge needs to know about its records. */
export interface Listing<T> {
  /** Which known field names apply. */
  readonly kind: string;
  readonly items: readonly T[];
  readonly record: (item: T) => GraphRecord;
  /** Fields shown when none are asked for. */
  readonly defaults: readonly string[];
  readonly expand?: Expand;
}

/** One page of an edge with the asked-for fields; `summary=true` adds the total. Throws 100 on an unknown field. */
export function list<T>({ sim, call }: Context, listing: Listing<T>): Page<Record<string, unknown>> {
  const specs = fieldSpecs(call.params['fields'], listing.kind, listing.defaults);
  const page = pageOf(call, sim.url, listing.items);
  const { expand = () => undefined } = listing;
  const data = page.data.map((item) => {
    const record = listing.record(item);
    return project(record, specs, (spec) => expand(record, spec));
  });
  const summary = call.params['summary'] === 'true' || call.params['summary']?.includes('total_count');
  return { ...page, data, ...(summary ? { summary: { total_count: listing.items.length } } : {}) };
}

/** Parses `fields`, refusing names that the kind of object does not have. */
export function fieldSpecs(text: string | undefined, kind: string, defaults: readonly string[]): FieldSpec[] {
  if (text === undefined || text === '') {
    return defaults.map(plainField);
  }
  const specs = parseFields(text);
  const known = knownFields[kind];
  const wrong = specs.find(({ name }) => known !== undefined && !known.has(name) && !extraFields.has(name));
  if (wrong !== undefined) {
    throw badParameter(`Tried accessing nonexisting field (${wrong.name}) on node type (${kind})`);
  }
  return specs;
}

/** Real names that the public specification leaves out, and edges that field expansion reaches. */
const extraFields: ReadonlySet<string> = new Set([
  'tasks',
  'created_time',
  'campaigns',
  'adsets',
  'ads',
  'adcreatives',
  'insights',
  'accounts',
  'adaccounts',
  'businesses',
  'permissions',
  'leads',
  'leadgen_forms',
  'owned_ad_accounts',
  'client_ad_accounts',
  'owned_pages',
  'client_pages',
  'date_start',
  'date_stop',
  'error_message',
  'error_subcode',
  'error_user_title',
  'error_user_msg',
]);

/** An object that has a status and a time of change. */
interface Changing {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly updatedAt: number;
}

/**
 * Campaigns, ad sets or ads as their edges list them: deleted and archived ones only when a status filter names them.
 * Understands `effective_status` and `filtering` on updated_time, status, name and id, with or without the kind's prefix.
 */
export function filterChanging<T extends Changing>(
  context: Context,
  items: readonly T[],
  effective: (item: T) => string,
): T[] {
  const { params } = context.call;
  const filters = parseFilters(params['filtering']);
  const wanted = parseList(params['effective_status']);
  const isStatus = (field: string) => field.endsWith('effective_status') || field.endsWith('delivery_info');
  const namesStatus = wanted.length > 0 || filters.some(({ field }) => isStatus(field));
  return items.filter((item) => {
    const status = effective(item);
    if (!namesStatus && (status === 'DELETED' || status === 'ARCHIVED')) {
      return false;
    }
    const values: Readonly<Record<string, unknown>> = {
      id: item.id,
      name: item.name,
      status: item.status,
      effective_status: status,
      delivery_info: deliveryInfo(status),
      updated_time: Math.floor(item.updatedAt / 1000),
    };
    return (
      (wanted.length === 0 || wanted.includes(status)) &&
      filters.every((filter) => {
        const name = filter.field.replace(/^\w+\./, '');
        if (!(name in values)) {
          throw badParameter(
            `Filtering field ${filter.field} with operation ${filter.operator.toLowerCase()} is not supported`,
          );
        }
        return passes(values[name], filter);
      })
    );
  });
}

/** Ads Manager's word for a status, which `delivery_info` filters use. */
export function deliveryInfo(status: string): string {
  return status.endsWith('PAUSED') ? 'inactive' : status.toLowerCase();
}
