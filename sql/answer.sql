-- Visual question answering: the answerer's own words, or the best of those that are given.

CREATE FUNCTION public.blip_answer(
    image_id uuid, question text, model text DEFAULT NULL, among text[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    IF image_id IS NULL OR question IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN blip._ask_about(
        ARRAY[image_id], blip._choose(model, 'answerer'), 'answer',
        blip._question(question, among)) ->> 'answer';
END
$$;
COMMENT ON FUNCTION public.blip_answer(uuid, text, text, text[]) IS
    'The answer to a question about a stored image: in the model''s own words, or the best among these';
SELECT blip._allow('public.blip_answer(uuid, text, text, text[])', 'readers');

CREATE FUNCTION public.blip_answer(
    image bytea, question text, model text DEFAULT NULL, among text[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    IF image IS NULL OR question IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_image(image);
    RETURN blip._ask(
        'answer_image',
        blip._head(blip._choose(model, 'answerer')) || blip._question(question, among),
        image) ->> 'answer';
END
$$;
COMMENT ON FUNCTION public.blip_answer(bytea, text, text, text[]) IS
    'The answer to a question about an image file''s bytes: in the model''s own words, or the best '
    'among these';
SELECT blip._allow('public.blip_answer(bytea, text, text, text[])', 'readers');
