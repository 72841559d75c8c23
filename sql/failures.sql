-- What failed for good, and why.

CREATE FUNCTION public.blip_failures()
RETURNS TABLE (
    uri text, image_id uuid, stage text, model text, reason text, attempts integer,
    failed_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    PERFORM blip._require_tables();
    RETURN QUERY
    SELECT f.uri, NULL::uuid, 'read', NULL::text, f.reason, f.attempts, f.failed_at
    FROM blip.failed_files f
    UNION ALL
    SELECT blip._place(a.source, r.key), NULL, 'attach', NULL, r.error, r.attempts, r.updated_at
    FROM blip.attached_rows r JOIN blip.attachments a ON a.attachment_id = r.attachment_id
    WHERE r.state = 'x'
    UNION ALL
    SELECT blip._where(j.image_id), j.image_id, j.stage, m.name, j.error, j.attempts, j.updated_at
    FROM blip.jobs j
    JOIN blip.models m ON m.model_id = j.model_id
    WHERE j.state = 'x'
    ORDER BY 7 DESC, 1, 2, 3, 4;
END
$$;
COMMENT ON FUNCTION public.blip_failures() IS
    'Files that could not be read as an image, and jobs given up after their last attempt';
SELECT blip._allow('public.blip_failures()', 'readers');
