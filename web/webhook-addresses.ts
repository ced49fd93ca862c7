/** Where Meta and YCloud report to; YCloud's is the tenant's own. */
export const webhookAddresses = (publicUrl: string, tenantId: number) => ({
  meta: `${publicUrl}/crm/webhook/meta`,
  ycloud: `${publicUrl}/webhook/ycloud/${tenantId}`,
});
