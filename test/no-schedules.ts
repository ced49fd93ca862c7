/** Schedules without a Temporal. */
export const noSchedules = {
  startCampaignSync: async () => {},
  stopCampaignSync: async () => {},
  startLeadReconciliation: async () => {},
  stopLeadReconciliation: async () => {},
};
