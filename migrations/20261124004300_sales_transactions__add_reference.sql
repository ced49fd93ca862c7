-- The other program's own number of a sale: an import that is repeated adds nothing.
ALTER TABLE sales_transactions ADD COLUMN reference text;
CREATE UNIQUE INDEX sales_transactions_reference ON sales_transactions (tenant_id, reference) WHERE reference IS NOT NULL;
