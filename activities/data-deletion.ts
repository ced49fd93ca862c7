import type { Connections } from '../adapters/postgres/connections.ts';
import type { DeletionRequests } from '../adapters/postgres/deletion-requests.ts';
import type { MetaUsers } from '../adapters/postgres/meta-users.ts';
import { system } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';

export interface DataDeletionDeps {
  deletionRequests: DeletionRequests;
  metaUsers: MetaUsers;
  connections: Pick<Connections, 'disconnect'>;
  /** Tells the tenant's connection workflow to end; false when none runs. */
  endConnection: (tenantId: number) => Promise<boolean>;
  live: LiveUpdates;
}

interface OfRequest {
  confirmationCode: string;
}

export type DataDeletionActivities = ReturnType<typeof createDataDeletionActivities>;

/** Erasing a person who asked Meta for it. Only the code travels: who it is stays in the request's row. */
export function createDataDeletionActivities(deps: DataDeletionDeps) {
  const { deletionRequests, metaUsers, live } = deps;
  return {
    /** The tenants that keep anything of the person; none once the request is done. */
    async tenantsToErase({ confirmationCode }: OfRequest): Promise<number[]> {
      const person = await deletionRequests.personOf(confirmationCode);
      return person === null ? [] : metaUsers.tenantsKnowing(person.metaUserId);
    },
    /**
     * Ends the tenant's connection when it lives on the person, then erases what sign-ins brought of them.
     * @throws AppError `unavailable` while the connection is still ending
     */
    async erasePerson({ confirmationCode, tenantId }: OfRequest & { tenantId: number }): Promise<void> {
      const person = await deletionRequests.personOf(confirmationCode);
      if (person === null) return;
      const { metaUserId, until } = person;
      if (await metaUsers.holdsToken(tenantId, metaUserId, until)) await end(deps, tenantId);
      await metaUsers.forget(tenantId, metaUserId, until);
      live.publish(tenantId, 'connection');
    },
    /**
     * Looks for what is left of the person in these tenants; nothing is the proof, and closes the request.
     * @throws AppError `unavailable` when something is left
     */
    async proveErasure({ confirmationCode, tenantIds }: OfRequest & { tenantIds: number[] }): Promise<void> {
      const person = await deletionRequests.personOf(confirmationCode);
      if (person === null) return;
      for (const tenantId of tenantIds) {
        const traces = await metaUsers.tracesOf(tenantId, person.metaUserId, person.until);
        if (traces > 0) throw new AppError('unavailable', `${traces} rows of tenant ${tenantId} still name the person`);
      }
      await deletionRequests.finish(confirmationCode);
    },
  };
}

async function end({ connections, endConnection }: DataDeletionDeps, tenantId: number): Promise<void> {
  if (await endConnection(tenantId))
    throw new AppError('unavailable', `the connection of tenant ${tenantId} is still ending`, { retryAfterMs: 2_000 });
  await connections.disconnect(tenantId, system('data-deletion'), 'not_revoked');
}
