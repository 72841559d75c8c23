-- What is stored, and how far the work on it is.

CREATE FUNCTION public.blip_status()
RETURNS TABLE (what text, model text, state text, count bigint)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    PERFORM blip._require_tables();
    RETURN QUERY
    SELECT 'images', NULL::text, 'stored', count(*) FROM blip.images
    UNION ALL SELECT 'files', NULL, 'stored', count(*) FROM blip.files
    UNION ALL SELECT 'files', NULL, 'failed', count(*) FROM blip.failed_files
    UNION ALL SELECT 'captions', NULL, 'stored', count(*) FROM blip.captions
    -- What the filter has not scored: three ranges of an index. Ids of models begin at 1.
    UNION ALL SELECT 'captions', f.name, 'unscored',
        (SELECT count(*) FROM blip.captions c WHERE c.filter_id IS NULL)
        + (SELECT count(*) FROM blip.captions c WHERE c.filter_id < f.model_id)
        + (SELECT count(*) FROM blip.captions c WHERE c.filter_id > f.model_id)
    FROM (
        SELECT max(m.name) AS name, coalesce(max(m.model_id), 0) AS model_id
        FROM blip.active_models a JOIN blip.models m ON m.model_id = a.model_id
        WHERE a.role = 'filter'
    ) f;

    -- Who let its lease run out no longer runs: the job waits for another worker.
    RETURN QUERY
    WITH job AS (
        SELECT j.stage, j.model_id,
               count(*) FILTER (
                   WHERE j.state = 'p' OR j.state = 'r' AND j.run_after <= now()) AS pending,
               count(*) FILTER (WHERE j.state = 'r' AND j.run_after > now()) AS running,
               count(*) FILTER (WHERE j.state = 'x') AS parked,
               count(*) FILTER (WHERE j.state = 'd') AS done
        FROM blip.jobs j GROUP BY j.stage, j.model_id
    )
    SELECT j.stage, m.name, s.state, s.count
    FROM job j JOIN blip.models m ON m.model_id = j.model_id
    CROSS JOIN LATERAL (
        VALUES (1, 'pending', j.pending), (2, 'running', j.running), (3, 'parked', j.parked),
               (4, 'done', j.done)
    ) s (place, state, count)
    ORDER BY j.stage DESC, j.model_id, s.place;
END
$$;
COMMENT ON FUNCTION public.blip_status() IS
    'How many images, files and captions are stored, how many captions the active filter has not '
    'scored, and how many jobs are pending, running, parked and done, by stage and model';
SELECT blip._allow('public.blip_status()', 'readers');
