export interface Price {
  /** In US dollars: an estimate until the message is delivered. */
  totalPrice: number;
  pricingCategory: string;
  pricingModel: 'PMP';
  pricingType: string;
}

const dollars: Readonly<Record<string, number>> = { MARKETING: 0.0618, UTILITY: 0.026, AUTHENTICATION: 0.026 };

/** Invented prices by category. Free-form messages cost nothing, nor does a utility template inside an open window. */
export function priceOf(category: string | undefined, isOpen: boolean): Price {
  const isFree = category === undefined || (category === 'UTILITY' && isOpen);
  return {
    totalPrice: isFree ? 0 : (dollars[category] ?? 0),
    pricingCategory: category?.toLowerCase() ?? 'service',
    pricingModel: 'PMP',
    pricingType: isFree ? 'free_customer_service' : 'regular',
  };
}
