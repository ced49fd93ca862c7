-- Months ahead of the books get their partition each time `npm run migrate` runs, as the owner; rows that came too early are moved into theirs.
CREATE FUNCTION ensure_insight_partitions() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  month date := date_trunc('month', now() - interval '38 months');
  name text;
  made integer := 0;
BEGIN
  WHILE month < now() + interval '14 months' LOOP
    name := 'meta_ads_insights_' || to_char(month, 'YYYY_MM');
    IF to_regclass('public.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE public.%I (LIKE public.meta_ads_insights INCLUDING ALL)', name);
      EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
      EXECUTE format('ALTER TABLE public.meta_ads_insights_default NO FORCE ROW LEVEL SECURITY');
      EXECUTE format('WITH moved AS (DELETE FROM public.meta_ads_insights_default WHERE date >= %L AND date < %L RETURNING *)
        INSERT INTO public.%I SELECT * FROM moved', month, month + interval '1 month', name);
      EXECUTE format('ALTER TABLE public.meta_ads_insights_default FORCE ROW LEVEL SECURITY');
      EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', name);
      EXECUTE format('ALTER TABLE public.meta_ads_insights ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        name, month, month + interval '1 month');
      EXECUTE format('REVOKE ALL ON public.%I FROM hub_app', name);
      made := made + 1;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END $$;
REVOKE EXECUTE ON FUNCTION ensure_insight_partitions() FROM public;
