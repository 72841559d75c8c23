-- A database of blipdb at commit f00683d (revision 0006), by its own commands: `blipdb up`;
-- `blipdb ingest --write-captions` on scenes 57, 186 and 188 of the demo's album, a text beside the
-- last, and a truncated JPEG; `blip_add` of scene 186 for the space 'tenant', not encoded; a table
-- attached live with scene 57, and one in the background whose row is not linked yet. This file is
-- what `pg_dump` wrote then, below the roles as `pg_dumpall --roles-only` wrote them; paths were
-- shortened, and \restrict was taken out. Beside it are the extension's files of that commit.

CREATE ROLE blip_engine;
ALTER ROLE blip_engine WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE blip_owner;
ALTER ROLE blip_owner WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE blip_reader;
ALTER ROLE blip_reader WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE blip_worker;
ALTER ROLE blip_worker WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE blip_writer;
ALTER ROLE blip_writer WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;

--
-- PostgreSQL database dump
--

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: blip; Type: SCHEMA; Schema: -; Owner: blip_owner
--

CREATE SCHEMA blip;

ALTER SCHEMA blip OWNER TO blip_owner;

--
-- Name: plpython3u; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS plpython3u WITH SCHEMA pg_catalog;

--
-- Name: EXTENSION plpython3u; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION plpython3u IS 'PL/Python3U untrusted procedural language';

--
-- Name: vector; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

--
-- Name: EXTENSION vector; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

--
-- Name: blipdb; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS blipdb WITH SCHEMA blip;

--
-- Name: EXTENSION blipdb; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION blipdb IS 'BLIP in SQL: search images by text, recalled by ITC and reranked by ITM';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: active_models; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.active_models (
    role text NOT NULL,
    model_id integer NOT NULL,
    CONSTRAINT active_models_role_check CHECK ((role = ANY (ARRAY['retrieval'::text, 'captioner'::text, 'filter'::text, 'answerer'::text])))
);

ALTER TABLE blip.active_models OWNER TO blip_owner;

--
-- Name: TABLE active_models; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.active_models IS 'The one model that each role uses now';

--
-- Name: alembic_version; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.alembic_version (
    version_num character varying(32) NOT NULL
);

ALTER TABLE blip.alembic_version OWNER TO blip_owner;

--
-- Name: attached_rows; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.attached_rows (
    attachment_id integer NOT NULL,
    key jsonb NOT NULL,
    state "char" DEFAULT 'p'::"char" NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    run_after timestamp with time zone DEFAULT now() NOT NULL,
    image_id uuid,
    caption_id uuid,
    uri text,
    error text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT attached_rows_state_check CHECK ((state = ANY (ARRAY['p'::"char", 'd'::"char", 'x'::"char"])))
);

ALTER TABLE blip.attached_rows OWNER TO blip_owner;

--
-- Name: TABLE attached_rows; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.attached_rows IS 'Which image an app''s row holds; state p(ending), d(one), x (given up with error)';

--
-- Name: attachments; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.attachments (
    attachment_id integer NOT NULL,
    source regclass NOT NULL,
    places smallint[] NOT NULL,
    kind text NOT NULL,
    mode text NOT NULL,
    space text DEFAULT ''::text NOT NULL,
    scanned jsonb,
    is_scanned boolean DEFAULT false NOT NULL,
    trouble text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT attachments_kind_check CHECK ((kind = ANY (ARRAY['content'::text, 'path'::text, 'url'::text]))),
    CONSTRAINT attachments_mode_check CHECK ((mode = ANY (ARRAY['background'::text, 'live'::text, 'detached'::text])))
);

ALTER TABLE blip.attachments OWNER TO blip_owner;

--
-- Name: TABLE attachments; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.attachments IS 'Tables of apps whose images stay in step; scanned is the last key of those there at first';

--
-- Name: COLUMN attachments.places; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON COLUMN blip.attachments.places IS 'Where image, caption (0: none) and key columns stand in the update trigger''s list of columns';

--
-- Name: attached; Type: VIEW; Schema: blip; Owner: blip_owner
--

CREATE VIEW blip.attached WITH (security_invoker='true') AS
 SELECT a.source,
    a.attachment_id,
    r.key,
    r.image_id
   FROM (blip.attachments a
     JOIN blip.attached_rows r ON ((r.attachment_id = a.attachment_id)))
  WHERE ((r.state = 'd'::"char") AND (r.image_id IS NOT NULL));

ALTER TABLE blip.attached OWNER TO blip_owner;

--
-- Name: VIEW attached; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON VIEW blip.attached IS 'Rows of attached tables with their images; key is the JSON array of a row''s primary key';

--
-- Name: attachments_attachment_id_seq; Type: SEQUENCE; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.attachments ALTER COLUMN attachment_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME blip.attachments_attachment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: captions; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.captions (
    image_id uuid NOT NULL,
    caption_id uuid NOT NULL,
    text text NOT NULL,
    origin text NOT NULL,
    model_id integer,
    decoding jsonb,
    itc real,
    itm real,
    text_vector public.halfvec,
    filter_id integer,
    unread text,
    encoder_id integer,
    CONSTRAINT captions_filter_check CHECK (((filter_id IS NOT NULL) OR (unread IS NULL))),
    CONSTRAINT captions_model_check CHECK (((origin = 'synthetic'::text) = (model_id IS NOT NULL))),
    CONSTRAINT captions_origin_check CHECK ((origin = ANY (ARRAY['web'::text, 'human'::text, 'synthetic'::text]))),
    CONSTRAINT captions_text_check CHECK ((text <> ''::text)),
    CONSTRAINT captions_unread_check CHECK (((unread IS NULL) OR (itm IS NULL)))
);

ALTER TABLE blip.captions OWNER TO blip_owner;

--
-- Name: TABLE captions; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.captions IS 'Texts about images; itc is a cosine, itm a match probability';

--
-- Name: COLUMN captions.encoder_id; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON COLUMN blip.captions.encoder_id IS 'The model whose ITC vector text_vector is, or which can read no word of the text';

--
-- Name: capfilt; Type: VIEW; Schema: blip; Owner: blip_owner
--

CREATE VIEW blip.capfilt WITH (security_invoker='true') AS
 SELECT captions.image_id,
    captions.caption_id,
    captions.text,
    captions.origin
   FROM blip.captions
  WHERE ((captions.origin = 'human'::text) OR (captions.itm >= (0.5)::double precision));

ALTER TABLE blip.capfilt OWNER TO blip_owner;

--
-- Name: VIEW capfilt; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON VIEW blip.capfilt IS 'What training reads: human captions, and those web and synthetic ones that the filter kept';

--
-- Name: failed_files; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.failed_files (
    uri text NOT NULL,
    space text DEFAULT ''::text NOT NULL,
    reason text NOT NULL,
    size bigint,
    mtime bigint,
    attempts integer DEFAULT 1 NOT NULL,
    failed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT failed_files_uri_check CHECK ((uri <> ''::text))
);

ALTER TABLE blip.failed_files OWNER TO blip_owner;

--
-- Name: TABLE failed_files; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.failed_files IS 'Files that could not be read as an image, and so have no image_id';

--
-- Name: files; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.files (
    uri text NOT NULL,
    space text DEFAULT ''::text NOT NULL,
    image_id uuid NOT NULL,
    size bigint,
    mtime bigint,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT files_uri_check CHECK ((uri <> ''::text))
);

ALTER TABLE blip.files OWNER TO blip_owner;

--
-- Name: TABLE files; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.files IS 'Where images were seen; mtime in ns since 1970, so that stat alone can tell';

--
-- Name: image_tokens; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.image_tokens (
    image_id uuid NOT NULL,
    model_id integer NOT NULL,
    tokens bytea NOT NULL
)
PARTITION BY LIST (model_id);
ALTER TABLE ONLY blip.image_tokens ALTER COLUMN tokens SET STORAGE EXTERNAL;

ALTER TABLE blip.image_tokens OWNER TO blip_owner;

--
-- Name: TABLE image_tokens; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.image_tokens IS 'The ViT''s output: N float32 scales (little endian), then N*D int8';

--
-- Name: image_tokens_1; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.image_tokens_1 (
    image_id uuid NOT NULL,
    model_id integer NOT NULL,
    tokens bytea NOT NULL,
    CONSTRAINT image_tokens_1_check CHECK ((octet_length(tokens) = 10660))
);
ALTER TABLE ONLY blip.image_tokens_1 ALTER COLUMN tokens SET STORAGE EXTERNAL;

ALTER TABLE blip.image_tokens_1 OWNER TO blip_owner;

--
-- Name: image_vectors; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.image_vectors (
    image_id uuid NOT NULL,
    model_id integer NOT NULL,
    itc public.halfvec NOT NULL
)
PARTITION BY LIST (model_id);

ALTER TABLE blip.image_vectors OWNER TO blip_owner;

--
-- Name: TABLE image_vectors; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.image_vectors IS 'ITC vectors, L2-normalised; each model''s partition has its HNSW index';

--
-- Name: image_vectors_1; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.image_vectors_1 (
    image_id uuid NOT NULL,
    model_id integer NOT NULL,
    itc public.halfvec NOT NULL,
    CONSTRAINT image_vectors_1_check CHECK ((public.vector_dims(itc) = 128))
)
WITH (parallel_workers='0');

ALTER TABLE blip.image_vectors_1 OWNER TO blip_owner;

--
-- Name: images; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.images (
    image_id uuid NOT NULL,
    space text DEFAULT ''::text NOT NULL,
    sha256 bytea NOT NULL,
    mime text NOT NULL,
    width integer,
    height integer,
    bytes bigint NOT NULL,
    content bytea,
    preview bytea,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT images_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT images_content_check CHECK (((content IS NULL) OR ((octet_length(content) <= 67108864) AND (bytes = octet_length(content)) AND (sha256 = sha256(content)) AND (image_id = (encode(substr(sha256(((convert_to(space, 'UTF8'::name) || '\x00'::bytea) || content)), 1, 16), 'hex'::text))::uuid)))),
    CONSTRAINT images_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT images_sha256_check CHECK ((octet_length(sha256) = 32)),
    CONSTRAINT images_size_check CHECK (((width > 0) AND (height > 0)))
);
ALTER TABLE ONLY blip.images ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE ONLY blip.images ALTER COLUMN preview SET STORAGE EXTERNAL;

ALTER TABLE blip.images OWNER TO blip_owner;

--
-- Name: TABLE images; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.images IS 'Images by content: image_id is half of SHA-256(space, NUL, content)';

--
-- Name: jobs; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.jobs (
    image_id uuid NOT NULL,
    stage text NOT NULL,
    model_id integer NOT NULL,
    state "char" DEFAULT 'p'::"char" NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    run_after timestamp with time zone DEFAULT now() NOT NULL,
    lease uuid,
    error text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT jobs_lease_check CHECK (((state <> 'r'::"char") OR (lease IS NOT NULL))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['p'::"char", 'r'::"char", 'd'::"char", 'x'::"char"])))
);

ALTER TABLE blip.jobs OWNER TO blip_owner;

--
-- Name: TABLE jobs; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.jobs IS 'State p(ending), r(unning until run_after), d(one), x (parked with error)';

--
-- Name: models; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.models (
    model_id integer NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    roles text[] NOT NULL,
    image_size integer NOT NULL,
    itc_dims integer NOT NULL,
    token_count integer NOT NULL,
    token_width integer NOT NULL,
    max_tokens integer NOT NULL,
    knows text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    merged boolean DEFAULT false NOT NULL,
    CONSTRAINT models_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT models_itc_dims_check CHECK (((itc_dims >= 1) AND (itc_dims <= 4000))),
    CONSTRAINT models_name_check CHECK ((name <> ''::text)),
    CONSTRAINT models_roles_check CHECK (((cardinality(roles) > 0) AND (roles <@ ARRAY['retrieval'::text, 'captioner'::text, 'filter'::text, 'answerer'::text]))),
    CONSTRAINT models_sizes_check CHECK ((LEAST(image_size, token_count, token_width, max_tokens) > 0))
);

ALTER TABLE blip.models OWNER TO blip_owner;

--
-- Name: TABLE models; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.models IS 'Registered models; their files lie in the engine''s models folder, by digest';

--
-- Name: COLUMN models.merged; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON COLUMN blip.models.merged IS 'Whether a stored image token stands for several, and its record says for how many';

--
-- Name: models_model_id_seq; Type: SEQUENCE; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.models ALTER COLUMN model_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME blip.models_model_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: settings; Type: TABLE; Schema: blip; Owner: blip_owner
--

CREATE TABLE blip.settings (
    name text NOT NULL,
    value text NOT NULL
);

ALTER TABLE blip.settings OWNER TO blip_owner;

--
-- Name: TABLE settings; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON TABLE blip.settings IS 'Where the engine listens; for blip_owner and blip_engine';

--
-- Name: verdicts; Type: VIEW; Schema: blip; Owner: blip_owner
--

CREATE VIEW blip.verdicts WITH (security_invoker='true') AS
 SELECT c.image_id,
    c.caption_id,
    c.text,
    c.origin,
    w.name AS writer,
    c.decoding,
    f.name AS judge,
    c.itm,
    c.itc,
        CASE
            WHEN ((c.origin = 'human'::text) OR (c.itm >= (0.5)::double precision)) THEN 'kept'::text
            WHEN ((c.itm IS NULL) AND (c.unread IS NULL)) THEN 'unjudged'::text
            ELSE 'dropped'::text
        END AS verdict,
        CASE
            WHEN (c.origin = 'human'::text) THEN 'people''s own texts are not judged'::text
            WHEN (c.unread IS NOT NULL) THEN c.unread
            WHEN (c.itm >= (0.5)::double precision) THEN 'the match head says they match'::text
            WHEN (c.itm < (0.5)::double precision) THEN 'the match head says they don''t'::text
            ELSE 'no filter has seen it'::text
        END AS reason
   FROM ((blip.captions c
     LEFT JOIN blip.models w ON ((w.model_id = c.model_id)))
     LEFT JOIN blip.models f ON ((f.model_id = c.filter_id)));

ALTER TABLE blip.verdicts OWNER TO blip_owner;

--
-- Name: VIEW verdicts; Type: COMMENT; Schema: blip; Owner: blip_owner
--

COMMENT ON VIEW blip.verdicts IS 'Every caption with who wrote it and how, who judged it, and whether it was kept and why';

--
-- Name: later; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.later (
    id integer NOT NULL,
    photo bytea
);

ALTER TABLE public.later OWNER TO postgres;

--
-- Name: products; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.products (
    id integer NOT NULL,
    title text,
    photo bytea
);

ALTER TABLE public.products OWNER TO postgres;

--
-- Name: image_tokens_1; Type: TABLE ATTACH; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.image_tokens ATTACH PARTITION blip.image_tokens_1 FOR VALUES IN (1);

--
-- Name: image_vectors_1; Type: TABLE ATTACH; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.image_vectors ATTACH PARTITION blip.image_vectors_1 FOR VALUES IN (1);

--
-- Data for Name: active_models; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.active_models (role, model_id) FROM stdin;
captioner	1
retrieval	1
\.

--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.alembic_version (version_num) FROM stdin;
0006
\.

--
-- Data for Name: attached_rows; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.attached_rows (attachment_id, key, state, attempts, run_after, image_id, caption_id, uri, error, updated_at) FROM stdin;
1	[7]	d	0	2026-11-29 21:25:29.597069+00	df9e35eb-55d9-95a2-1573-ed92f74d8e1e	4a370c93-9bee-3819-c820-07e957151417	\N	\N	2026-11-29 21:25:29.597069+00
2	[1]	p	0	2026-11-29 21:25:29.685663+00	\N	\N	\N	\N	2026-11-29 21:25:29.685663+00
\.

--
-- Data for Name: attachments; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.attachments (attachment_id, source, places, kind, mode, space, scanned, is_scanned, trouble, created_at) FROM stdin;
1	public.products	{1,2,3}	content	live		\N	f	\N	2026-11-29 21:25:29.525434+00
2	public.later	{1,0,2}	content	background		\N	f	\N	2026-11-29 21:25:29.665795+00
\.

--
-- Data for Name: captions; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.captions (image_id, caption_id, text, origin, model_id, decoding, itc, itm, text_vector, filter_id, unread, encoder_id) FROM stdin;
05d9c288-2a73-4831-3437-66635f439638	c9ae93f8-a765-d216-f195-a4789cfb7bf1	a red bicycle	web	\N	\N	\N	\N	\N	\N	\N	\N
05d9c288-2a73-4831-3437-66635f439638	8c229d01-a704-c773-7074-629585844f21	a red bicycle	synthetic	1	{"beams": 3}	\N	\N	\N	\N	\N	\N
96f123d8-d687-09c5-9659-6511938de5b2	e3bf4194-2fc1-eeab-a7fb-af0668d56b81	a yellow ladder left of a red bicycle and also a yellow balloon	synthetic	1	{"beams": 3}	\N	\N	\N	\N	\N	\N
df9e35eb-55d9-95a2-1573-ed92f74d8e1e	75299b1f-02cd-2d43-374e-bcd3106c03c6	two green clocks	synthetic	1	{"beams": 3}	\N	\N	\N	\N	\N	\N
b4fd1032-e84c-c032-4025-bba747442578	3380be39-83b4-077c-207a-1f5a5dc9a417	my picture	web	\N	\N	\N	\N	\N	\N	\N	\N
df9e35eb-55d9-95a2-1573-ed92f74d8e1e	4a370c93-9bee-3819-c820-07e957151417	a clock	web	\N	\N	\N	\N	\N	\N	\N	\N
\.

--
-- Data for Name: failed_files; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.failed_files (uri, space, reason, size, mtime, attempts, failed_at) FROM stdin;
/album/broken.jpg		truncated JPEG: image file is truncated (45 bytes not processed)	2000	1795987514414269877	1	2026-11-29 21:25:28.897805+00
\.

--
-- Data for Name: files; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.files (uri, space, image_id, size, mtime, seen_at) FROM stdin;
/album/scene-057.jpg		df9e35eb-55d9-95a2-1573-ed92f74d8e1e	15824	1795987509342678497	2026-11-29 21:25:28.78306+00
/album/scene-186.jpg		96f123d8-d687-09c5-9659-6511938de5b2	17097	1795987514282678790	2026-11-29 21:25:28.78306+00
/album/scene-188.jpg		05d9c288-2a73-4831-3437-66635f439638	11591	1795987514354678795	2026-11-29 21:25:28.78306+00
https://example.org/tree.jpg	tenant	b4fd1032-e84c-c032-4025-bba747442578	17097	\N	2026-11-29 21:25:29.472084+00
\.

--
-- Data for Name: image_tokens_1; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.image_tokens_1 (image_id, model_id, tokens) FROM stdin;
05d9c288-2a73-4831-3437-66635f439638	1	\\x80d0783d22a3203d1f94003d78b5f03c110dfe3c1e830a3da1900a3d7990133d5b261b3d865b073dcf1ff43c2a88dc3ca98fe53ce9ccf63c2cca0e3d1cab0a3de855153d3af0163da9e4063d986bda3c7a82df3c73350a3de7560a3df8310a3d06ec173ddb11023d69dd033d45f8f13c308de43c1439f43c10de0c3d0610093dcb27183d16241d3d89bb083d64cbff3c6ab6033d36d1083df43d133df06a193d21191d3d6f2d293d877f293d4e5b263d8b7c253d4645243ddb7c213dbad3203d48261e3de343283d35fb283d6b23273dbd67243d4deb213d4bb61e3dea8f1d3d8adc1d3dea99263dc5e7273d02cf263d72fc233dae04213dff3b203d480b1f3d31ee203df80013ed14f1ff101914e6eaf6effefff40710f81af7c4f50cfe12170d05e9f00b040410eb08b4f818080d0914f7e10f13effbf316f111f5e70be0ff1006da0b05000c0204f8f9e4f9162006fb0d0cfce9fb0003eef9ee020a1a0e0727f0f1240a0cf6f5f40ef6161612ecfe1cec0cdefc0109fb1c09d4f5ff120e1d0003e80000fc00ee0afd242c04fcfc0908f9140a0a06f4eb000316f8f6dc810c080e3517e908fcdd282bb6f00dd702cdfb10e30008f510f2e7c8bffff3f9f7e512232005e121d2d4f9e3ad09e2b6f8f60f21d00e201002000ad90f09d107e5fa10fb1aaf0e2501041b1fec19070d0457f7f306f3c7f12bf4efebf5eb18f90baa0f272a02e405f81b5afcfffe19f2dc0a05f1f226eef6e4091df4f3e305f4db04ed59fd03e92203eb091c22207f072ef216ef46daefe4161af40919f0f9f13b0b28ef241ddfeceab92c22b3fe2dfee7a2d1fafaf3040e18fb06bacdf0e8e90b010632fc03db25d0d5f0f281110be31807471aab124bfdf6c225c819fbc70dd7fa21ef19b3ff4ef90c141ce01f10ef3251061c0fdfb2d0170ef0dbf0ec25fa1db725231e26f7f4e9e844f2eb196416a9f80cf3fbf3f7fafe2220e7e9f2050ab000af5dfff9d83ee4dc2510302a7afb46e30ddd47fa0ef704f6db0f26dbffeb400a41f65f29ede9ecb13715c8073714d39fc5ec14eafb2212092bb7cde3dadc1a17042aecfbde23d0dfdbef831a24092b155725b0134fed01a921c81ef5cb11defd33e108aff459f8171517ef1214dd4b41062c10d1b4c40e1bf9daf2e62ef81ecd30120a3c0103dad626f7de247f2491ed0cfdfed0fdfd0b1b1ee4f1070b038ef2994e0cf8dc56d4d22ff82d2a5ded49ed0acf3f0f24fffce0cf1524d304e8350d3b065d26efeefbc34217d8f93b17cfabcbea11e8f71d0d0e2ab8cbe2d3e01714041ee9ffea25d0ebd8eb8115260e220f5922b51747f300ae20d422fec911e70a34ee0aa8f24df51c140afa0e19e13d470c2812d3b0c81014f9dfebe32ffc1bc82f030f3cff00d4d62aeee025741c90ea02fdfcd3f6fb050c19e7ec0b0b0296f3a94d0703e745dadf1df12c235aeb49fa09d443132201fbe4d41624d707f12907350c4028e9f40bdc4c1ee2e53d10d4b5cef007e8f50d0f0b19bcc9ebceec0d080519e60cf327d4f5dee98105170215045311b61b4100ffc420e5260cc211ec192bfe12a7f93af22110fdfd0e16f4244f161813d8b0d01606f0e1dfe42d071cb82a011d31f6efd9dc39e8e6245d0f98edf7f4fbddeef9f9fd16eae4080807acfcc94ffd0cf32be3ed07f52e1b5eeb44010ce14a101a0100efe30f26e208fc1dfe2f0f222ee80223f05b23e4d23cfde1c1d5fffdedf5ff0e0903bbb9f9c5fc09fd031ced16f525e1f7ebdb81f2ffea08fa400fba24410e02e11bf9281abb14ed221f0b1c9eff32ee2509fbfa0b0c06106414fe0fd7aed924f6f1e9dae12b081fa021042d1de9dddfea53ebf01d41fda5f6f2effdf6e4f1eff619e0e304fe03c007ee56f30ef516ebf5f3f9331178ea3d0215e750ff10fb06f5f90825f1080d15fa27080239f1112df9601fe6d431ebedd3e70ff7f6fbf40f08f3c1a9fad2020cf307170416f61fe3eef1cd94eeecd0fef42118cc1e330e08fb08ff221ebe12f219140a1c9c0427f7200807f6080a0e0d6809e809d9b5e332ebf7f0dde226fc189817093008e8e8effd57f7f50f27f0bcfef1f10012e7ede8f61bdce70000f3cd090357f909f90ff6f2f3002c117ff135ff1ae74de70bef0c0000011dfb091019ff1700ec34fb2430ff5f23e8de1edbf5e10113f4fcfced1106ebcaa1f5e2010ceb13101a13f71ddce2f6c5adf3ddb7f4ee0326e0131d070e12f2fa191dc90ff10b1406179d041801190e14f60514110f5ffcdb02dfbeea3ee4f9f5e3e51dee0a96100d2cf7ec07fc115400fa0110e4d305f2f50527e8ece1f71de2ebff0be7d508115607fafe12fdf0f70923167ff92cff1be643cd03e31013ff0214fc0a061f060cfbe826bfe6f2cf082ca30231ec04b9c50eeff409f51ae2e8d5d703f5f2f5def342f302d22cecd608f088faeec0ffea181298195b09eaf62bd207ffc106c2eefe061bdc1849eff50d11c721e601312e1c0717e5bcd70610e2d6e6fb10141cc317401d17f1dbfef347080120581fd60921ea00ee050beb291cf7f0e11421dd17dc48fbfcdb2ce8db182d3a2f70fb34be00ef34effefd1ff1fa1635e9f7f838ea4af57f1fedd8f6af0509c9243eff02b4a9f11cea02382be026e1cae0d2bf19030331d1eff61ef5d8e703a4031f1248202825bc286fd71bec36c804dbc51ac9e123c7da04f971000a071fdff3d20870e9223d22b8dec3f32ddac3fdf61af92a12232aec47150aebdcd827e43a6d37d9f939e629931205030e1cea12f2211eadffa11a14d5dc5ccfae30fa31371df118c001c81f121cf410c3c92041d20ce61e0930107ff505eb09b12a0ef0240704e48ddddd0fdafb413aec4ad2b6d4aea937482a1ce9cafa21d1d2b82ac4ed11294f31162ae3477afc29fb62ccfce8c71fe9e52bc1bcebff422a002c65fee6fbfd75e859162cb8f3cad715cdc007e412e541252427d7431338dce5d938b43a2b15cef33dd10e83fd0100d728e743dc171381089b2405c6d969db8717094706200efde2d9fd2b2509e8ffecc4104b9f18ca1d0c112c6ed8f6f51cc149271422251ae38ee9d41ddcf3332df43fd6bcdaa0ad21443d11d3dcf01fdbe7ab1bceec1f3541301228d94e7f022bfa65cf04edbf1ddeee28b3cadeea4320142c54feea03005fdf590d3eb5e7c4d122d0affad215df46281714df440f1dc8cbdc2fcf45221cd8e234e20e9602ff04c22d0237e71a1c8b14a930f0cbe65fcfaf1c1b390710fb01eae8ec171f07dbf3f4ce1239a50cca2519162f4dd9f8e924ce3d0702105c1ad9a5c2e632e2ea1e23ff35e1ccdaaecb171d0e0fc000f82ffe03daea9602341f282c4a1faa3a6cdd17e051ec1ce7b21ed4ef21e8e8dccf5eff2c05fdf5ecf1fb66f63a3126b4cdc3f824e1c1e7ea2213280418fcf23d08f2ccd1ec26e9456a2cbee30cf31c810d060be61ef70604261ba40fb32b0de1ee43c5ce1f02252b1bda3bc9fccd251c1efce7cacf162fd50df816ff2e2138fddcf231f8521a03e3541addc1c90113e4eafd1d020ad5cafcbcf20d04f917d10dfa2d010df3dc81e506f50bfd43fba829590201f02c062311a917d91b0d1613c2f238ef28fde9ea00f80a2c313a0a13ccb0ce0903e9dacce9201d22c41bff1a29f8c5e2d42e00f83c5217b0ebfeee0dbff1fff9ee0ef3ea130e20d51df438fa02fb0fd1e6f907391051dc37de01ee3707190c01dbfd082be91218ffe42d15112add023e036218f8cf4500e1ccd01503edf4f31804f8c8b107c2040ff4f71ce513f729ff08f7c881dceadeffeb2a0ab6264b0e03ff120e2827a714e427081920b1032ceb26fbf5eb00f4101a5525ec0ecfa5d61ff4f4eacee3211022a31a0b2a1bedc4ece74901ff274109abf3f9ec05efeaf6eded13e2e8100111d8150e41f60e0003e2eaf0033a0a72dd37ed11ef43f619080ce811fe25f8142503eb200fed3cee183a056421f4d62de3eddeef1dfaf7f7ef1905ebcd9ffcd50411eb07140815f723ecf3f7be9de9dcc2f5e70a1dcf1a2d0a0c11fa061e27b70eec1909111da7071cf71d040aeeff0311176009db06d6b0e338e7f8f1dae41bf51796100e2d02eeedfe005004000d23f0c4fbf5f20715ebeee4f11be0e9020af6db0e1a5100030904f5e9f2052a127ff234f618e641d710ef11040cfe18ff121612fd1004e22dc4e4f3e2f623b5022ff002cfc511f9f702ed15d7ebe6db09fbfcf6d9e738f3f9d130e9e202ec96f6e8c6f8e6080fa01d5103ee0321d80600c602bff5f00809e61f3eebed0908c919d9ff34151dfc16f1cbdb0b18ece5e403fc1c1cd50f3b151ef2db04eb341102175b23e70826ecf9eb0c12ed2a10fef5e62230f012f1330000ea21ebdb162d392e55fe31baeeee20f1080c27e70f1531eaf50121d942fd7f18d5e304cb02f6e142211c03cfab04070b0e180dda37e9c5f9cfb1040a212eeaf0e236e1ceccfbdae6f0ec36010818cd4661e82c0333c202e0c01fe5d72abda0060e541cfb122a01e4c81761cb1c2016ca10e6f12ae4def0051def1e1f211aeb360b1cf8f5d40fe4242b16dcfc5fd71a811b060e0417fc2fe2242bc3f9bc1f2de4e152cdce21ff3f1b16f8f6e6eec10f2021f51fd9e2103ed10cc717f2122373ecd5df14c01414d73234150294c1cd0502f5330ac938d6cbf798b615263500ccc6053ecbc5aa1adfeb1316512c0915d2577fe32a0756aa01f6b519e9e22eadb112ec6724f71949e9ede1326bc8202f2cc301dcf63fc1cdf3ec26ea2e3b2710e2441b25d7decd14d5290124e7cc68adf98e14fe1fd21afb4ae52a328506b43a21c4d750dfc8301a4e320a09fcdef7c50c2b09f025e3d9314eb50b982e09163668d7e5f524e02b27062f413700b6d9d810f6f92e19e449d3c6f7a59b132445fed4cff73cd3ccab16e1f01f1c432c0cfec8617fd92e0156b8fce7b234dbe135bbc105fa55400b0e2504e4d42067cd30342ab301d0e53ac5b1e2dd35e929383bf4e23d152ddadad510e9480013ddc34fa71988061215c91bf73fec2e229406a82e23ddbe45ccc233333d30fbf8fce7debe052a0eec13e1c61834ae16b61f04132e52d9e9fc2fee3e2011324727fddac6fb2ff3f81222ff3cedc9fcb3a8f7133626e007e628e1e5bfe7e1e90f0f2c060ffdbf4763fd22f949db12daa920cef723e3cbeefa4229110c1d17e7e3135dd03b1627b402deeb23cfb0e0e625f211071a02f0300b21dfebd915e4431928d5ea35d23281091002e320071ce22823c714d12f07e1da36c2c91618292cf3e9ffe6efc2062323e719ddd7f920c409d808fe151e39f0d6f2390545180fe65d1ad9c8c70919e9e7f121f403dfc606b8f80cfdf516d307f437ff18f1ce81e105ec03f834f39e365dfc00fe2e072306a016ce1cfa2202c6f83df01af9e9e7fae20a332343fe12d1b6cf0f0ce9e5bfeb102528cb10f91533f8c4ebcb2a06ff3b571dbaee05e708bcf008f4f00cf9f0101f3aee22ff38020b0302d3ddfd143e1551e33fd0ece62a091f1306dc110526e1101ef5d2331a1225e202440a5910fad447fee0d1d42108f5f1ed18faf9cfaa0dba0c13f0f818ed0bf030fc10f2b981d6e5d3fbe71b05b6284610ff1106072a21a410e02cfc1c16b10b2de919fcfdecf9e915174f27e00ed4a6d926f4f7f7cee71a0b22aa17012625efcdefe44904061f3d08b3f105e701f3e1f8ebe50ce3ec130822e916173efc1b09f8e4def10e410b7be73ae908f039f11a0912ee20fd24f31328ffde220be93bf0173e0a5f1cf8d92ee5eae0ef2200faf6ed1900edd0a000cf0915eb0613060ff226eefbf6b99de6dbc1f2e40419cd1c2c0a0b1af5051e26b40bea1c021218ab0a1bf217030bedfbfb14155a0bd805d9b1e539e8faf8dbe717f7179d0d082b08f1effefc4c07050924f2c6f9fcf00512e5f1e4ec16e2ea070b03e20f1e4b010a0efdf3e3f2092d127ff336f312e839d812f5110216fe18ff11190df71205e22ed3eff0f1fb27b60432e6f3ccd21807fcf2e31cc7fbe6b906f3fafed8fa3805e9bb4dcbe4f3e186eed9a4f2ea0b1a8d2b3802f4030dc40afdc1f0bc00edf7fcc02240efe81c1cc80fd302341d1cf020f8d0e92819f6edf000f61917d502392030f1d909ea4510fefe5f0eda0438dffffc010bf0280a0200dc2737ec07ec53040de71eeed21838433d7c0753bddcef23dd0e0832f6150f3ae9effa25d644f57f1aebd216cefd0cf12350f9f1dba9df2800e935f5da1ff5adf5d8e70df60518d6eaf84de0f5c519a7ff01f81e0d102cba4b55d806ed20ba10fbdd1ac6f00ac9b7e0f87ef603321ed9d2e3086cd7043818ccf8d00f32fbeffa150df5242d181ce83bf212d3d2edfbe8fd4927cef17fdd22b3f01a031ef8f62a093e28c4ebc62d1bd6f039deb51a0737362de311e9f9d2ef11131d14d0e82b3bddf7d70cfc1a2368f6dde00bd41014f5325811e9d5a9e626f3f234f7da25e5b8f6b9d62506ef17cfe2f74ccb04b614a600180f2b150122c24f54e015ea2db815f6da0bc8f415cab8e2f67e04f9472bddd5dd0a73d9033f23befdd9123ffcf5f00d17003f441d1fde53f71abccbed09d4fd1e20bad07fdb11a4f620010815e5320b3e2eb3e0b22314c8e93be6b0230529412cf604f2fcbfe81d1c1a13cbd12f40d0fdcc1bf2162462fbfdfa2edf352d21336e3ee1e0b4d02dfeed35faf528debcebabc92b0a1a15cbe5e44ed8f5970ca6fd1c072123fe27b45e57d013da26c4f7fccf27c7fc1de2b2dae97f1e09311af1d2de037bc914451cb5f9d50c31f7dbe0052df220461afcd4520223c3c2f3e2f0152e16b9c478cd3481ed1909fa00ee2817482cadeab42314d6d52bbbb62914323325e10800ebc5ed2c251afbc2de2738d003de0e0b0e334beaf4f54eef2d2e271c7210d7d4afe23ce5db24faeb31eaa4f9add109090217beeffc5dd50fb7fc9fe41e0f18101314a35c5ce30dec3ad625e9bb1ec200f8e6c7d3f67f0d122ffeedc8ecfa68e9293327be01d51332f6cedff1220836212611f542f122c2c3f306e5243e24b3da5ee82aa5e11ef5f611fa11154329cafeae360fd8ee1fe0ae011d2b3f25db20eceabcee162613fcd9de1a1cd6feeef1f119213a00e6003d13441217e85a12cecccf0e22f8dce51fe609e6bb04b9080ef8ff1adbffe640ed1deac481d005db00fa2afb9e4048fefff91dfb2704ac03d420f41df3b8ff32f01906feecf2dcff23233cec19dacedd2510f9fad2e9051a26cd05fc2040f9cbf1c62b00001d5311b5e90de205d3e600eeef0bf8f40b1842f41afe4902120afae0def9143b1763ea51d9dde71fff271608ee1dfe21e8041af1ce2a140727e90c43185b1605d742fadbd2e12711faeae41df5f3d7a90bba1a14ecf918eb06e532f015f5b281d4eac9f4e9110ab3313e0cfb1006092823a304de2af42011aa0826ea17fe08e9fbe10f114f24d612dab9df39f8fc02d5e2080822a708012e26f2cef6e0480a09113d00b8edfee20001e3f7e8ea13e4eb080c2cee161b4dfa1b10efeedfeb0c350d7eec4ce6f8ed2dee1c0b0ef92bfa1ff80c2cfddb230ce335f41c3a0d5f1efede2ae4eae3f52604faf5ea1bfeebd2a100cb0f16e80513040bef25e9fcf7b59be6dbbeeee4fc1ecd202707091cf4061f27b106e71cff1516ac0718f016030feefbf714135708d206dcbbe745eafcffe1e80ef6149d08072c0af3f000fc490a040323f1c8f5faee0517e3f1e3eb18e2eb03100ae50f224d010a12f8f5e2ee0527127ff53bf10ee632d713f50f051a0018ff10190af81607e029f8fff5f90b1dc1011bdbefdaf31a1004efe811d700e3b1fcee0504e9052617e8c83dc4e8f0dba2f7daa2f7f7091fb0211404fa04f3d00d07c7e9d506f5effeaf1c1ff7eb1f28dd0addfd192c0be41401e3fd400808060cfbff0705d0fa262825f3f308fd490afde33bf6e30626e6031cf2fbef1307fd03e2111dec03f4540317ef13f9db07292b2e7f0d4cdbe1f223d107fe2608130521f7eeff21e52bf04b1507f8f4ef14fed3173af0d8cedf072d13daf40ddd27eda7eae50421f6011a12d3c457bceecde299ff05b612112313a93a0cebfcdfe4bc08f6d7dae309fbe3db960836f9e22933f0f5d9e4371512e727f3f1003f16261f1e1805000dfffb171f4300fefcd236f5edce5702cd0746f712fbe4f1fe13fdf514f90b24d1fad25c0b1be32ce7c12325232f7f0e5cd0ccd70cdf28111dfe060d1df5e9eb20e122ef5c0511fd02ef21f3e31b4ef7cfc7d7fa391bd0f808e330eba5e2dc092afbfe1607cdc45cbbf4c0df930121c41b1f280fa94711e1fad3e2be0cf0dcdbed0900e6cf8cfd3df7e72932feedd8db3f0e17e82bebf8fd3f1c302a231a0bfc120cfa0c1d49000cedc62dece9c75e06c209480313eddaeffe0efef318060927c7fac761101be430e2ba291d1c2f7f0a64cfc4cb03ea341a13fb011213f4e5e51bdf1cf455ff1a0517f932f2f41655ffcac8dcf83c19cff404ea2fe7ace0d01127010112fed5c952bffdbfd392f82bc8171c2a07ac4518e5f7d6e9c810f2d5e1f20e02f4d388fc37f7f1212d06eddddc36141de42be8f4fb3d192c2e1f100ffb1301fbff2247030de8c32ee7ebca5701bc05370312ecd1eefa00fef11311052dc801cb630e21eb23e8c21f1a1e277f0664d8c2ce03ec361e0800060d0bf5e4f013db19f739051b072f0741f7fe065503c5cce1033612d0ed07ec27e5a9e4c01a1c040812f5e7d248c70fc9c488e71fca12113104ac4424f3f9e6f8d61cf7c3ede91703fedc8cff2ff6fe142508eadde2221b28e427e4eaf43e1221260fff10fe15e7fff5274c01faebc72ce9f0e04efbb9fb28f913efceeef5ec00f308150335d50bda5e0b24fa0debd10b1a29197fff62e1c5d711ec2f1a040510040bf3ec0504d41cfe1b14090c3a1a4d0804e741fad5d9eb1a1d05dee513ef06e0acf9b62111fb0514effde333db17e6b885d6ffca0afd2403ba392d0afc0302f1280fb4f9e226000cf99a081ff00b0914f7f7defa073b28dc17e4d6ea44ff0c17f3e7090219bdfff62f39f7def3d939f5fcf735f2c1f20ce60a06d4f2eee908eaf60c0233f2140453ff210eeff7e5ec122e067ff651f0dfe923e71b0a090322fa13f6fa22f9d62208f429021936125910ffe032eae4e0f2240c02ede815f9f4d8a6ffbf1d14f0000ffe04ea25e107f0b691e2efc401f30a11ca2c290a0013fa02261eb2fde621000e09a1081bef110511f1fde70a095016d00ae4cae94ef0040feee809fa12aa03fd2e1bf3e8fdec4404fef827f0c8f402e80415daf3e8ed11e1ef05091df0121a53fe1411f3fde2ec0b250b7ff644f4fae42cdf15fc0c031dfc13fe001e01e91d08e829ff22350a5e1bfce321deeee8fd2503fff4ea17feedd29ffcce1115ea080f0c08f01ee3f7f6b5a3ebdfb8f3e8f921d61f20060a1dee022123b703ea16040d10a90813f2140713f1fdf6120f5704cf02e3c5ec51e80008eee90df10e9e09042c05f4fc05014708fef71aebd0f9fdef0621dff1e5ed17e2ee030f07e50e214f030812f9fce2ef08230f7ff837f80de130d20fee0e09150113ff08120bfe1606e3260915f7f41e1cccfd0ccbfce2fd22030cf7ea09e8eddeb1fbea1009e8001820ebd823cbe6fad8ae05e2a90201f726ce201006fb12f0e81511c5e8e306fcf101ac1613f9f71d20e30ee2050f45fcd7fd03e2fb57f40b1319f702f5fec1f5182b11f2110b044c0afbda1ceaf30514e8f932edfbe90911f2ffe70a03f6030856050afd0e09e0fe1218237f0f3bedeee928ce01f11c090b050efde9f921f923f431141414f8fb2311d50217d5f2defc1f0d13edec05eafce1b6f4de1b0ef2fd121ae5d929c4eeecd9a809f6b811080c1bd22a0e05f703ede51410c9e1e80e01f1f79a1214f5f21c1dee09e1f40c3f03d60401e8fb56f9172325fd02f3ffcfee0c2e23f50e04f144fff6d025edec031beeff27e5f5f00b08ee03f4010af102fd570410fb0e06dd001312197f1045ebdfe01dd20dfc15070d050400e5fe18ee21f3320e1a14fffe2908de0523ddeddbf91b1616e7ee01f103e3b8f1d42211f6fd0f14e4da2dc1f7e2d6a40905c3190c1716d4351005f5faede4170ec9e2ed1304f4ee910c15f1f31d1cf903e1ea0b390ad40bfceef955fc1f2d29fe06f203d7ef052f2ef40ff9e93ff6f3cb29f2e3031ef3ff20def4f30704eb06fcfa0feb01f3540512fb1002d801110f137f0d4aecd5d918d8130310080e06ff00e30013e920f62a0a1f1a0c033503ea0129e1ebdbf9181615e5ec01f603e1b9efca240ff8fe0b0fe9df28c4fde0cfa1030dc91c0b1a13d6391509f5fdf3eb1c0ec5e6f01706fbed900915f0fb1818fe00e3eb093d10d20bf8eaf555fa1b3025fa08f104d1f0fd2f2ef40ef3e63ef2f1cd26eedf0016f4ff1bd6f3f1fe05e80403f814ed04f3550513000904dbfd0f110d7f0a4bf1d6d619dc16040c0b1003ffffe30310e821fa190d1e1c1b094202f3f82ce5eadef8191111e6e903f9ffdfb8f0c1270ef7000808f0e822cb03e4c99af90dca1b091a0cd43a1b0df702f9f4220fbfedf11a0702f0930915f3031314fefde1f2044217d30bf4e3f057f6152d19f408f107c6f3f82f2bf704f8e13df1f2d622e9dcfb0ff10118d1f2eef509e5fe07f81af10bfb55041507fe08e1f60d17077f0549f7ddd91ede1501080c11ff00ffe70a0ae7210009141521260b5206f9eb29e3ece1f91f070deae50bfdf5dbb1f5c0230ff2fe0507f9ee1cd502eec296f103c61402100dd7341f0dfb0cf9ff2618b9f3f01c0707f99a0815f50c0e10f9fee301024f17d005efd4eb5bee0c2309ef08f009b5faf82e1df7fc00e541f7f5e21ee7d9f706ec011cd1f2ebf310e1f406fe1af4100c5601120df60ce5f20b1c057fff44fceedb27dc12f8090911fb06fff21108ed2105f71d0c252c08590efae722dfece6fb220208f0e50efef1d7a9f8c71c13edfe070bfef01cd9fcf2bd9ceff5c107f90416db2a1d0a0115f100251eb9f8ee190708029e0812f30e0b11f7feeb0805560ecd02eaccec5be9081affee0af10caa01ff2d0ff7fe06f04601f7e91be9d6f903eeff22d6f3e9f014dff007030eec0f1653010c0ff80be3f20a1d087ffb3efbfcdc2bd710f40b0810fd0bfffb1108f61c06ec22032635085c1afbe41bdbedea02230103f4e714fdefd39ffad11215ea050d0f03f31ddff8f7b6a4ece4b6f6eef820da201c060a1feafe2323b602ea1304090aa70c0ff4120a13f3fcf40f0b5805d0ffe6caef5ce7040ef5ea0ef20d9f0a082b03f5030a004707fcf21aebd4fc00f00428def1e6ed15e1ef040a01e10d1b4e050711f902e1f209220d7ff736f908e02fcf0cef0f0a11010ffd071308ff1507e3270d1bfaf2221bcdfc04c4fce6021f010ff8ea07ededddaff9ee0a09e7001725e9de1fcae4fdd6b207e4a80403f029d81e0f05fb15ecea1a14c4e5e803fbf1fbaa150dfbf81f1fe60ee4080b49fbd6f702e1fd61f010171bf503f2febef7192809f2210d0a4d09fbd915e9f50912ebf639ebf9ea0412efffeb07f7f2020554080802120bdcfb0d15217f0d35f2f1e729ccfff31b0a050709feebf323ff1ef72915131df6f62713d5010dcbf8e0fe210516f0e904f1f0dfb5f7e3150deaf9101ee5e020c8ebf8d8a80af6b5130bfd1fda291106f609eef01a17c4e0ec0afff4f49f110df8f71d19ed0ce2fe074900d4fa02e4fa65f2162424f901ee00c5ee0f2b15f61c09f74802f8d11cebf50513ebf731e6f8ef0a10ebfef300fef30301550809030f0fdcfd0a10187f0e3ff2e6de21d308f8150608060102e6f719f620f92d111820fafa2f0bdf0215cff5defc200819ece901f7f3dfb8f4d81e0eecf80b18e4e420c6f2f1d8a40b04c01c0d061ade331308f404eef41d16c4e0f21002f8ee970d0cf5f81d15f407e2f7034905d1fcfee5f667f21a2d28f903eb02c8ec072c1cf61b04ee45fbf4cb1cecf10313eef62cdef7f0070fe9fffbf905f404fe550709050d10dbfc090c107f0d43f4e0d81dd70dfa0f070905fa04e3f916f422fc280e1e2604fd3a07e7ff1ad3f2e0fc1d0a19eae7fffcf5ddb8f1cf210ceef90714e8e91ec6f8ead1a2080ac61f0b0a19e139160df605f1f82216c0e3f51405fceb930b0df3fd1a11fb03e3f6014b0ccefffbe3f368f0193127f806e903c3ef012d1ff51b00eb43f7f2ca1aebec0211f1f628d6f5f0ff0ee6ff03f609f204fc53060a09090fd9f9080d0a7f0a44f8dfd41ed910fd0b0b0a02f905e3fb12f422ff19101e2714034505eff81dd8efe1fc1b0816e8e5fffef6dbb4f0ca220cf0f9050febed1dc9fcebcc9c000cc81f0a0c16e03a190ff608f4fc2718bbe8f6190501ed920a0cf502160ffd00e3f8fe4e12d001f7dbf068ed17301ff407ea07bcf2ff2d1ff71301e841f4f2d11be9e6ff0ff0f728d1f4eef80fe4fa07f50ef008fe52040d0b0113dcf60913067f0445fce1d421db11fd090c0b00fb03e8030ef122030a15182723065109f5ed1cdbede4fe1d0312eae205fff5d9abf4c91e0eeff9060cf1ee1dcefff0c497f504c519070916df351a0ffb0df4fe2a1fb6eef31c0705f3950a0cf709100dfcfee5fffc5414d000f2cfec68e9132810ef08ed0cb1f9012d19f80906ea43f7f5dc1ceadefd0beef829d2f2edf211e2f408f90eed0b0651020d0efa13dff50a19047ffd4400ead628da10f80b0b0cfd0100f30c09f32109f81e0f282d075710f9e818dae9e8ff1f000defe308fff4d7a4f7cd1a11edfb090df7f11fd3fdf3be9bf0f8c00dfe011bdf2d190c0115f0fe2c23b4f4ef1a0506fb9b0c0bf50c0e0ffafceb05ff5810d000edcbed68e70e1f06ec09f010a801092d10f8080af246fef7e51decd7fe09eff92cd6f1eaee13e0f109fe07e50c0d4f020b10f80fdcf30a1c077ff73efef6d92cd70ef60d0b0dfd07fffc1006f71d0aeb2506283709591df9e713d6eaee081f0008f3e510fef1d49ef7d60e13ec070e14fef420d8f6f8b7a7ede7b4f8f1f722de2218050b21eafb2624b4feea11000704a40e09f6100e15f6faf50e065709d4fde8cef064e60a12fbe80ef10f9f090f2b02f60d0c024604fcef19ead80103f2012dddefe6ea14e3f10504fada0b104e05060ff903ddf10c200e7ff535fa01e12ecd09f2110e0d010bfe05120aff1407e3290f2101f1271bcefdfdc4f4eb0d1bfe0ff9e704f6edd8aff5f20008e609142ee9e421cadffad5bb07e4a5fc02ed2de51605ff0318e6e71814c7e5f400fdf4f8a40f05fcf92225f20cf30c014df9d8f6ffdf0261f014181df008f0fcbbf71d2804f32f0d184f04fdd70ce6f00f0df4f13de6f5e8f911f0fff302ede100fb550c08001a0adbf90d12217f0a31f7f7ed2dc9fef71816fb070a01f2ec2b0717f517171422fff32a14d30103c8f2e7081b0515f4e800f7f2dcb3f5ea0a0be9031128e4e421c7e4f5d5b20af2b30a05f524e81e0701000ce6e91a17c8e3f407fef3f1980f06faf71f1df60af004ff4dffd3f6fedfff64f31b2424f407ed00c0f1182b0df52f09094dfdf8ce12ebf00c13f6f239e1f4efff0febfefcfeefe202f9520b0a031c0cd6fb0d0f197f0b37f8ede326cd05fc150ffe070205edef1f0018f81b14162501f6310fda0208ccf0e6061b0619f0e7fffcf2dcb7f3e2100ceb010e24e3e521c6e8f0d5ac0bfebc1006fb1feb250903fe08e8ed1b19c7e1f80c00f7ed910b05f8f71d19fc07f100fb4e03d1f9fcdefb65f31d2c26f407ea03c1ed122e12f62e05004cf9f6c914eced0c13f8f135dbf4f0ff10e8fd03f9f4e203f7530a0a051a0ed6f90b0c147f0a3df7e8de22d20900100fff07fe09ecf01bfd1afa18121a2909fa3a0be1000dcfeee6041a081aeee5fd01f3dab7f2dc140dec000c20e4e720c5edecd1a80905c11306001ded2b0b05fe07eaf21f1cc5e2fb1002fbeb8c0904f7f91a160104f2fff95008cffafadbf967f31e3125f309e804beed0e3014f62b03fb4bf5f5c715ebe90b12f9f033d5f4f0fb0fe7fa08f5f8e004f553090c061710d6f80b0c107f0740fae5da22d50c020c100005fc0bebf418fb1bfd10131c2c15fe440be7fb0ed2ece706180618ede3fe03f5d8b2f1d8130def000b1de6e820c5efebcba50305c21304011bed2c0d07ff0aebf3231fc1e5fb1403feec8a0904f8fd17150301f400f7540cd0fbf8d5f568f01d3020f10ae807b8f10d3013f72803fa4bf4f4cb16eae40911f9f134d1f1f0f60fe5f70cf6fadd05f652070d091211d5f60c100d7f0241fce7d824d50d000c120103fd09f0f914fa1a0004171b2d21024c0eedf60dd2e9ea08180414eee2ff03f8d6abf2d7110ef0020a1ceaeb22c7f1edc7a5fcffc11001fe1cef280c07050eeaf22622beebfa1503ffef8b0c03fa02141403fef604f7560fd1faf5cff367ed1b2a17ef0be909b1f90e2f10f62407fc4af4f6d215e8de080ff9f334d1eef0f00ee4f510f9f9da07fb4f070d0b0c0fd5f50e150b7ffd3e01eed928d40dfd0c130100ff07f5fe11fb1704f81d162e2c055014f0f20cd2e7ee0c190211f1e30301f8d5a5f3d90c10ef070d1df0ee24caf2efbfa7f6f3bb08fbfa20ec240d050b16e8f02723bbf1f41302fef5900d04fa07131600fdf908f9560dd3f9f0cef367eb17220eeb0eeb0ca9ff132d0bf6210a034af8f9db14e8db060df9f634d6ededeb0ee4f60ffdf4d507ff4d080a0c080ad6f30f180c7ff83900f5dc2ccf09fa0f1302010303fc0510fe1405ed240d2b31075020eef008d0e8f1131aff0df5e20d00f1d3a4f1e20110ef130f22f7f123d1ecf7bcb2f3e6adf2f3f226e81b0cfe0f22e6f0201fbbf7f1080001ff9e0c03fb0b151efbfd0111fe5504daf8ecd3f661ea101304e710ed07a403142b00f9200d1249fefde90fe3df0804f8fd33deede6e911ebf60502edcf06024f0a04070502dff20e1b127ff831fb00e82fc703f5111701040b00030518040f00e924
96f123d8-d687-09c5-9659-6511938de5b2	1	\\x476e893d8083053d0f8eed3c9755013d04aa163d03fe173d845d223df948273d692a243d7c01ea3c96bcf63ce326023de2c4053d4488043d8ba9ef3c2f14123dc69a1f3d9dedbe3cac72c93c3dc5073dfa4c013dc2c60d3de425ed3c9c26e33c7c69133d65efd63c9e43e23c521ded3ca1faf13cf56a033d8248ef3c4828ee3cf59a123d5189ce3c175ee13c71ddf33c1a7ced3c27d6dd3c7979ef3c0241f23c46711a3d1fa8ff3cfdae0a3d4adf173dd70fcd3c4e6aec3cca6aeb3c4538163d8d98133d5504113d58240b3db190173dcc4a073d6a9ae53c6f56133d0da5153d57a7163dd719223d38b0223d53cd1a3dee8e103d3ed7123da9e5103d32861c3dbe402b3df203e6f9fb06fa200f14f0080d0a1afdef030d06f90de00803f4061817f90002f6061811fbf9c203141005f411f0fdfdf60ce4ec1be9ecf5fffe061a0405f1f30bebfe09e9fe03f800101cff0ffd030ef1fc1409d503fe0406ee05ec0cf5f61019050a060709090d0af9e810f4f212e6ebfb060d0b08d30704ff0e24fefeed14eee500fff8fd0644fa0c1efc02f50001ec0dfa0205fb08f0fdfd8102090a260fec15e4ec2c19ace622e4dae02206ebe6fa00160bc3cda5e0090d02072926150efd0fd4ca05e0a91ef0c9d8e0142acd00fef702f40ee61310d82805f913ea3298ef13ea0d0b2dfb1b28f40c74d71afcdcc1e833d3060b0cd934f823940c252217e414fd1867fbffe339e6bf1efb06083cf503e80d23e1fbe311bfe3ecc650df03cb1706faf621f6407fef290627e453c3d2090b09d41b1207080c55033ada0035ee1ad6f03705b2e243f6c4e41c0400e5e80e1224bacaa5d3021a121f222a020d050adcc8fbeb8b2403f5e6e03226c80600eaf9d316f21a0fd930110d1ee73b81e71bdc16ff1f011a2ddd207ad923fcd4b1d52cd0111d10d43df33a901017252cec11eefc61eff0d860ef9c27f0111b33ed08fa1b22caf1fd0fb9e1e8af48d20bba19f7fdf413ef4779dd370e23d459c8de1ffdf0c31f0a0e11214df245d8fb46f90ee7f5460bbee740f3cedf0f02fde9f400171dc9c8aedbe817121a161f00110002d1cff7dd8e1f0f01f2f0311ad10b09f3fdd210f12219d628141320f43681e61de417021405161de71d7deb1707d6add52fdd091904dc38f92f8e14062f22ea0ceaf75cebefdd50eaa61bf00f0f2ce3fdf9151ac8e50709cce6f9c950e30ecc16f806ed0af42e79e53e0f1cd757d5e814f7f1cf0f07150a1741f732e60235fd11e9d13f28c3f81503f1b6edfb00fafdf80e05f1bbc5f3e4fc0a06082a07f7e40fccd8f8d7ab2517fff1fe261fe6111cf0e4c7fde51d0fd710010614021693f721ec0f1213041e2be5166be50bf1f6b4e419031012fafb21000eab2d0c3314e81cd5fa53ecfdf14bfbba01ff0fde26edf4021b03e2dc0bfaeacdfed35b020ee020fcef04fc091f7ffe420110d536eefb06f3f6e91509ee02f0320a29eb231a0010f8d8442bcbf01905f1b0e9fa03f8fdf80d02f9bbc2f3dbfa0a09092901fce313cce1f4d3ad1f14ffedfa261de41323f2e8ce00e71d11d1100009130a1294fb21ea16121007192ceb1468e706f3f4b4e618050d0cf5fb20070ea92f0b3414e516d3f751f0fff949fab7faff0dd821ebf2001102e6dd0ef7edc6fdd85c020ee71ef7ee00f90e1b7ffc430311da38f4ff08f2f8ef160be802f22d0826ef191cff1308e9472dd3e61cfcf4b7f001fef8fcf30c01f3bfbff8dcff0a060c210401e716d3e6f8d5b0130af0e9f81b1be21422f4eee403f01a15cd0f01070c0e149afb1beb191210051328fa0d66e8fbf6f0baeb1ffd0704f1f81f0a0dab250b350ce40adcfc53f702fc37f5c0fbff06e11feaf3fa0605e7e006f5ebcdffe85d000ceb14f8f2f9fc0e1a7ffb3a0012e539f1fd04f7fff3130eef03f828051fee071c001b16f44d2edadf1cf1f4c3fc0bfbf6faf00b01ebc3b3fee4020ffe0d1d0c06ef16d8e4fccfb608f7dce9f30b20e6101cf5f8fbfbf81819ca13fe06080c189cfe14f11c1111011026040d65e9ecf8e9bdec28f303fdecf21f040da81e0e3301e207e70752ff03fe26f4c902fd01ef21edf5f50109e5e403fce3d702fa5a0306f211f7eff7ff0f1a7ff72fff15e939e4fafc0004f60f10f407fe240715eff51c00281fff542ddfe115e2f7d10f11f4f9f8e80d04e1c8abfdf0030ef317151b0af319d6dafec9c003eabee7eef828ee0910f60016eff9141cce11fbfc0c08199efb0cfd18121cfe0d270d0d61e8dffae5c2ee34e7fffaecf019f606a515122cf2e614f116530505f811ebd60bfafffb2aeef6ebfe13e7e8ff0adddc01085b0cf8f612fdf0f6080f1d7ff727fe19ea37d0f6ef0814f40c0ef808f92b090eeeec15cc10b9f708d9cce15608e30a241f11d8c8251526a1f9bdcb1f23082c3423eaff1a0c1fd300139217e707d6b43d15b400e4dfe5e6340f12edde3d061a0dd73faeef17c60de624e5213bd73f3ad851f5d7b4cef8be0a1d17da2dd656b30530fe500a0312e03b03ffea7fefa32cdd11411a0418082421dd14fc30cdf5dca00eb206be01efde1818d66c2cc829082fd32cc6e42901edbf280506214f44d85ac0f25fdd16bf011fd6eee36416db0e221920dec6231236b1fcc0c40c1c19342814e8f91a091ddff5128e12fa26eece4d0ec404e8d6e9d7271c16f3e3300d2718e233a2ea0fcd15e414f51b33d43c33eb48f9d7b2c6f7c5112214db29d755bf0310094e0f05ffd52efbf4ea7ff5a029cf1a430cf90e132119d307112ccefae0ab0bbc06bf06e5e91102d55c20c12f1023d12ad4f328f4debe20fc071f542bd24acce556f0f0d6f134f6dcf74d13d2f10d0815dfde112c24cfe6becde30415320812e3020ef6f6ebf9ed821b123fffe95501cc0701e6f2ad21002810cc2708251df43a9bed1cdb13e804f71615d43752144d06d898bf05ed0410f9d72bf5379c18fd1d4c0cfbf6cc32eef9f47ff49809e3202605eefa181c02d8e41d1ef10206c425d40fdcfdd2fffb02e6373adc510a14d83fe4f917e9e1c9fc03081a4424f03dec1a4200f2e3b74311e6192639faa6ccec27e8fe11240725d9c8d5cbd5141f0a2ee0ead712dbf0ecc7a61c3f390d044609d31336e4eba710dc1affd315e9032102f5bbee47ee08fd07f1212ad7492d083cf7e89bcdfb2a12f9e90c050b0fd13a0a173a0721cfc81efdfc247f0eb6da0517dee0f6e71a1e07fae2220e18b708a9450df5f22ad6ca20f50a1746f654ee03c31d092403dedbdb130ac10cef220537045f1005faf0bc4b0dec0f2a38f09ec7e929e5fc0c1f0532d9c3d7c7db15230c2bddf2da18d8f8e8c4a8163e390801460fd2163ee5ebaa12e12502d016ed052205f1b6ef41e8180004fb172fdb442f0830f9e49bd101290efbed0e08110fd23d08193d0320c6c31d03f9257f10acd50614d7dbf1ea161105fae3230613aa00a94813f5f52cd7cc18f30d154bf253f004c5220f2a0edcdfdd1710bc0aed200331094516fe0109d05d27f0f94331f08dc0ea21e5f50b22ff2aceb5e3b6e216190d30cf00db1ed805f2bd900b2c2efff8480bbf2657e1e5bd1df52811b51bea0c171afda6ea42db3601fdfb1132ed3a480e23fbd98cc805230cf5df0b112712bf410e2f3af705bfba360001267f119fd10f03d8d7eaeb0c04fbfcd720f716b40db95a0ef6ef24cfcc05f515146fee5be803cb33092412dbd9e21f17c50df418f336093224f00921f85b31e8db330ff1a8dc0a07ebf6f61bfcfdc4b302c9fa13040829e605ec18e8ff03c19cfafefeebe6230fcb1c3cf0f1f00d051f24b11bf31401211aa9fd1dde320402fb0c1f04175d01fef7dd9fd8140706f6dcfc1b2114a92f163717e7ecdae24b020e174e08b3e907f7e6f9eaf3fbfafbf0db0eef04d60df5530108f50bdee4f2fe18157feb3def11ea39f50d0cf3e9fd1018e80f1012f324f9ff2af2152cfe5731e4d521f3f2c1f91700f0f6ee18fee9c5a607e3ff15fa0d200207f419eaee05bdb2f9e5d4dee0031edc0e24f3ff0ff7041924b51cf50afe1620aa060eed24080cf8091d0c1460f4e8f6deb3e627f502f5dff21c0b10a2231832ffe5fdef054f0b100d2dfec7fc00f9f615f0f4f0f807ece402ffeddc0b0d500504fd06eae6f20417197fed2af319ef37ddfefc06fc030b14f41210190112f5ea229c2e86f9f48813c966220b2d5b6708d0b341fc72b843c9c20445cd6d6521e5fb2e0251efc253c6cd8d090fa5420fc008c7e8fc18592e27cff53c2b3b01afe7da17e3f000ff380439600a4fd9c230f6ca15c9ef950f2b05d5408171b0d544ec563af846e11520bf206cb5c04ddceb562803fe07f837fd3bfc2debf3c7adcc970cb9d4fdac22fbc642d2b6d4fd3dc9f9cb0dea0eeaf43fff032b5432bb45bfca6a8f20ab0605a926d07f180116525720c9b01aed76a921d9c9fd2ddb5c5021ca180c1249f7d647a2cdb51809c14318be09d5f60b0c673024cde03b323d0abd08c909efeb00fc270b2d68fe49e5d32bfec004c3e7a513260fe4299c68b6c538f65b2de839c32324d81f5eb1b53edf12651b0a030908440533fa33f901dfcbe681f9b9e001c20112aa4cd1afe4f540c3f7c2f7f211e4f027ec0e2f5422a644cec46405e3bbc82107f0372c2e1ac0dbfd22e4ed112af00600dfd3d3dd00160b19d5f0e9fcfe130bdb99003d41171b3dfbba2a3dd8e5b84efd0ef8c70cf0eb07fae0f3de51eff8e50cd41ffdf45704364ffce9b8c8f9290eebf222ec1612edfaf7f54422f6e8bc0a180b2871feede3fd080cc20adf1b3002080200273df922a51bf8d2f405dbb52601e02b150664d4f2c3fc0d10e4d5d9cc0116c40d0b26f54c0b7f0f0708eaa84c00ee28e82d10a2dff71dd3ff143aeb51f2bccf92cc313a372ef5dfe013e4f2e4fbe5010e3533240620dd3e5efd09ee46ef02f7d636fdfb24d2c0f4033a1ef9244d04fc26075ade3812fbcdded9f213dcd7e61dfcf327f02321f82b1142d1e4f220d93a27fadedf2dd6d9aaf1ec07d91f0625db011c9810af3221d7e74fde81f8011bee30100ae5d3ec0f1a16e1e5e9cd072b9131bd1a1f022e6de1f1fd0cbc41100627ec4113b9d2e82ee0f61230f74ce4c6eaa6c92a491118d1f5dd07e00fe1eef3ed1f363312fa16ce324bf609ec44e908f3b72fefe518eacaf40e2f0a001a20f60b1e1c4add491a12baede6e513e2d3f10df9f41bfe1d16f5222028e0dbe71cf5371dffddd531c6f4b5e5080de110fa1ff30f2fa416c23128defc41dc81020816022ef6fbf7e3f1032c36f0f6f7d6fa219017df2f11f21659dc03fd0ec7560b0e1c47380481bde641e4ea0f2cf546f4b7cfadcc1e1a1a22c3f6e126fa1deeafacf445380f14300eb23a70ccf7d43b0518f5be21e6e1130ac6e7d555ec26ee01f30116025df02a2d07c5b0cdfc3a07e1de24f52f0f0821fefb390e10bab1ff29033e7125d7ca09f4fa9ff8e20e001710f80e1436a51e9e3d1fcef32acab119fb07182eec55ceffc1051c2bfaced0dc3021a716ed1ef9321b4304dcf72cf36a34fee24f2ef284c10920daeef930ec14caa902aff718fd0632c002e527fa2604a181e00c14e9df2cfda82f66e0e8ec210d20209228d510f83e08c1f931d535f6f3ef0d1507343e1d0cf8cf88c4032800e6bf0f024818bc421f2d34f1e3d4b24619183c7c28aecb15e5e1c3e5f2fafbf403d917fe38ce29e7510cfdff09c9befd0e201476e057cc00de2a05251be7d5062123c81b1c06d639081229e20838085a36ecd028feefb5ef1c0be8f1ed20f5eec7a610d7051bf60928ef04f220f70309aea3ece3ddd4d50014cb1433f1fb15fb0a1927a425e90ff02823b60c0fe0240107f10510101958fcebf5dcaae1200201f1d1f9151e15a32c1f300ae6f2edf54c161d1b420dbfef06f2f002eaf5eff4fcf3e4080007db141346050b04fcdfdaf10b1d197fe531e315f530e7090904f1150f14ef1a2409f118f7e827b641971dc5932add7f2a0e304a3dfcecb726db5ab335cae91d25e1356202d8f837233bf1c943dab9950009d62313cc19c0d1f30c4b1e07dd043c3d49faa0da011ad0f008fa1ef828462358d2ab24ecdb2beb19cb11160bf62da04ecbd931d0572feb43dd2416d5024ea4d838efe25b2120091a053cf24afd31ee02d3abedc2f8b3c706bf2ee7ac4ccfb7f70018c2ddc60ff81ac5f741ff0b1d3428b033d3dd4ea52cb41fedb127dd7f1c021c40440cddb404e658ae25e3e51923e43d520cd31f172a3bf1d241bdc2b40c08e02b0dc018cce40cff601d0cd1eb39324503c1f4e60ae7e603f71f01274a1555d7bc1ef1d717e006c2151413f71cb841c7ce32d75b24eb34d1221de0ff4ab4c83be4fa6517220d1203360a35f031030ae7b7fcb3d8b9d00ac614f5a15dccb3f9ff28bce6c40bf52bd2f232f21018371d9e3addcd57e0e5fcd22a1cfb4c0f473fc1b3f631f607121de13dfdaaf7b19cfdf52834e7eea842ecd5decae5f8022043f5e30fce3f71ec06fd3dcbfff1a633ebe823cca8fd15592bf909320de104207fb7273114be00e8fc2fd5e7d7371005f807171e0f260b31c8e9e703f1393701daed6ad91093f7fb0e121a140eef343dbd04b3413dd3db3bcb930d0b190c1a000dd1e69ff92f0cd4fee6c9141eaf2eb719e92b2474e6edff00b91e21fa403741259ecce304eaf92715ce49ecabedb59c12ef2d0fe2d4e94fe8d7d3f1fced2c233a19f414dc5373dcf3f339cae80ac229f7f521db9e0f0e5931080f3408db03184ccc032c1bca08ec1528d3d7f9171907002e3417f837132ebad7e102e02f1908f5d760a2ebb6f0fa17e01d112df72b22a0ffb53c31c7e01fd8941712362b36ff10e7e1c8ee2f1be70bd2c9321a8112b012f7132264e2eef712c73617f12b20442a97cae22bf4fc120ad33beac6f2a6b61d0f29fbe0e4df31d9efccf2fcf82a263117ea14d55158e6fe0b4dd1e71dba22f9e528ddb403014b230f1d1ffdf50f2155d21c2419d0f0ea1137d7caed2a0f0114202414fc2b1127ccdbe50cee37fa0603b54eb1e1b5f6f70fd71e081bfd142e980eb34121c7de1be5a10a061e23270a06ffeedcf82d0ae9eef1ea3225810cb41b0ff4285de2e70814cd4c2c0f3d2b3431c5a90036f7ff0125e356eb9a08909cf70b392ce716e831e1e3d5c101eb172a2cf20506c55269e614f437da02dcaa35db071fe1a0fe1339231407181efc110f5eaa360308b004f2fc2dd7c2e1170b0cff01281cfd23fd2ccbe1e217f33b2921d8cd42ce1297f40501e21b1712dc1b39aa17b95637d7da41d7a4f1040e2a0cf60feaf0ac032d40dc18eed503348114bb1702151d51edd0f22d05563914e33a29eb9fca072cd5e0e739dd0fdeaa0bb90715f4ff2ac4fbd935f83b029e89d40e07e2e11bf8a33b58ddedeb1b081012932bc40ee846f9d3ff2ee019f2eae50dfd033c242007f0deacd4132efee3ad11e95815b633291d30f2deeeba3e2319397f33c0cd0be7e5cdebf9f302f30fe60d194fe42df64c0cfb0ff4d2c1051e1f125ce863c5e3da1b062b1af0dd1d1713c41928f2d23f15161edd0638115539f4d121fdeeb5f51f13e9ece825edeccda815d5111ef40928ee00e427f50d0ba79fe7e5d5cbd9f70fc51a32eef617f8091423a222e00de82e20bb0e0ede1afc0cef040411194efae6f6e3b9e8270601f5cffb082512a427202e0be8eff3f54b1d2118470fc3ea01eff006e8f8eff5faf7e7050717df161849080d09f3e4d9f3111e197fea3ddb06f627eb0c0e05f5200e0eed1a2a04e91ef9e922be448e34bcad10db691402525e2b14e5af3bc84aca31d2eb1720e22b6501e303352034f6c44dd2b581d727d51821cc18afcc00073bff23ec0b2d293eff8ce7eb05def3030102fb2c3b2f66c69d2bf6cd42f633ca251910021da03dd6da2be46625e546e01ff7e6ff44accf33f9e47e3002063a1705dd4bf33fdcf3c687edd1fab0bc0dd72ceda874c2bc03092bb1e5d6100b26b3ed490c1e192e28bc2fc7dd4cc840ab35e1c520e07f15003d422b1cf1a519d34fbe30deea1925e3245dfef01b242f34ebc73ac2b4acfe1fdc3215c726cbd306fa38fc14ecf92e1a4803adf3d7faf0e305f90d0317311a6ac9b815f5d335ed27d71a0c10f611bd32cfcb2de75d17ec19c91efbe6e846bdc837f1ef78200d11291612f737ee44ed05dc96fdc8d0c5c615d51fecac6ec9bd110b259ce1dd130136bfe551fb040f3d17af35d9c74f15d4f0dcfc1a1d1a49231cf5c2d329f5cf2cefcf021bc2ebcd0d0ef8fbffc8f5fb2ef220dbf898fd2e2d1d111cf8b25f4ce1dcba36df0116f013de16eddca3dffa76ebe3281bd8e409f96dec1e65e8f7f1cc3638e9f6f840d913030cf31c05330901e38e1afcf5fa6af3f6ed56eb15bcdaf10154db1f27fc48451b22be3520ba01f8f69e0010e93029fc5dd6ddc4bdf8f5fcebc6e11004c6f8ffe7d144217f03f3faeaba280b0f35434819c49edc37e7f23703e92703c9e4ade52efef624dbf7e02fbbf5bbeab30a4a153001e5f8cf5565d7f2db19c61101e31ed4eb0ee3a5f6097f06d13437e9fddbfd7ac80b4418d804e7323ee905e53ff40b0a3e2922fa1f152cb8b5fcece0052efbecbc5ec20ca7c8100f030bf42a1a433fbc00b32825cc0617e4890c030f4352071b01f6c3cd222f02fbcad4271ca708db07eb111f6dd6100b12c33b131e3d516924d6bad13a01f82919e33a01c9d8a9c63d0d1c20f6e9cf45b201abe3bd132e2237f9fef5c55e6bdb01d31fd1ff00d64ed8f716d49bf90a7d2508212403efdc0770b41037f8ccfadf2733deeeca44f4f50b264310fb2b0f27b8a3fdd005222e19f09150b21683dd0f08db10fb1406353399fdb42e3af5e225cd81fa0a20322ffe2a18d9c0d01b26fcf1c4c72638a411d0fc0904384bcffffc20d242332b244b491cc19bda43e1e927f9ec52fdb0eab9c9130df81be50ae84ec210c6dcc3f7341f0ff50100b06676ddfafb2bcc24edc52cc9eef7e4aff7077f00fe25130cf5f7064fcd32301fcefee12f31e2deda2af520151c301b1114fd32b3a7f4f5e527281adac356d000acc61f00eb161606133c2baafda33c25cffd0cf097dd18143738ef22fef2bbd42122fafee7d235179107f3e7e51d2330f5ca04340b533924e13d33e9b1d60c25d6dae037e40ae5bd19b51921eef421c7fce42ef33b0c9a81d615f4d8e317eba44a51dfeefa110f0e1ba11abc12dd4a01d10535dc1102f5e210ebfb213420fff0eccad53530f7f8bb05f44b13b92b282d22fbd6f9ae45121f267224c7ccfadfe8dfe006e9fded0cde041b48e8260247ffff08e3dcd0f62620126be95fbfdde715f62212f7d21f1310ca0f49d4c84112ff2ae21237105035f8d920fef0c300200debeae527f2f0d6ac18d2171ff40720f302ec24f3040faaa5eae6c7cbddf50ec81e29edfc1fef061124ae17dd0be7291eb70f13e5150612ed05fe0e104efbe2f9e7cde83a05fbfed7f40d170fa9211a3403edf1f8f44c151d0e3903cbedfaecf714e6fce9f5fdf7e5fe0e0ddb131943040b03eeebe2ef191b197fe834db07f922e007030bf41d0f0cf71434f7eb19fae423f615be2bf4f5bff74cfcd8262e1528f4b6010ef1d018b7e4183b151a3f1617f2fd3eeacbeffa93f7e5ace0ea1709a422c5e1f5fc08d40f02e712f211e7c51b81f006d8e62128f102f0e92f39f6130de90b0057d514353a0b15e92ce2d031173600e913d55cfffea845cccc3807f84420f20c0120fadd28f01dd3e9e6ad38e812ccea0de91b3dd76453e544edeee408b6002e1af2da2c0617053438d22ec81431ff0aca2e00f3cff54f0ed92228082504b6f511f5d01ac6eb0439191c2c0dfffb0032efdceef885f002d7eef92aecad2dcde7f5e10fdc1011ea0ff921f2d61781f0fee0e71515fffae0e21f3912100dea03f54fee083c33130eec27e6ca1d253b04de10bb4cf506aa4ad2d12602033e07eb04072cece4110214f5fdfdbc30f117dad40afa1438dc4748e558e8dedc00cb05260be0e516f41d02491ccc2dd41c22f3ddbdf5e604e0f41623fb11030bf801d1cc0be4c811ed18fe3511f3effee903060dfaff1cf181f7211ee8f01fdfc61cf20dd4d218040c23ef00f3220011f5c4fd12ecf411fef507c1e2012a361eed10f0f12e1bea381220fae400ead828263301ce2dac3c000fe155f50619e0fd04ea03121045cc20ecfe2a54451be2fdf60df2b508010c33062b29ee65d3c7dcf3e7e10b0ecf11d6ebfefa5eefc540f32b19d4bcd3d2e44607e3f62c36f7202441edaedca70dd215fb35e26f0ba5f50fc033d918f4fd6ce68b22237ffbaaeff6e9dc1a59b7e315372a2e0703ca32091fe5cbee0ed34bf7e5030af9f3d1f9142eb411e1ef2803a7742344f489eee2b15a2110cfe208ad2fd4580555081649dc22fff40a2e1a5bbc65af2e495476f6fcd2ed0f1c922dd8f402491c0b9e30e11cb7d7e89fce29a85dd2cdedde68c9df2d10f02ed8f99df8f43fbebbdc2bfbf37127190de0d4940f001efb500e3c27cf1beefaf2f520fb103627c8fdf26be20e94032ac8f72ad308f4541b280fff4d1716fc0016da97fc490be00d0c111699eae1fbd0180e2d1feacf7019074781d70ee5080eee00ba54040cd93a0d050feb46f0e3ef1fd20c4ceaa838ae24f02e16cbc0cdf755ee8e37131aeb690a0abaf3ce0d050a0abf0625ed58c50de60e30f4fedfde9524dadcfcf4143218d7fb2f0af3102d36d8c6c2a70ee500d94cd65608c81b07d142ea2d0e1d50dda3280e5fe3bad7fdfae2303ae9fb0655343af106e12a014208b7f3e4db6200e41e0df4f7d7142cf7de02f8fa13ffc05afe2af69d01d9dd4521efb3d609c22ef059283714e423e21008f2d7210b20cc4ab1293b443ae6f4d5fb2013a338f3ec133b030f8c14e604bf0616bcf6fecf64bdd4dcf07fc2ea0b008a23c6ff30f8372604d80f20e9defc1e04e1ebcf1dfcd6eecb35da2a29e7f607e70cf00d0b122fc681fd04f9bcd70ef6cd1124fbe9f50f190a35d01ed71af64616c60a09f416feee04f6dbfbfb4030ddeceecbe72316f207d8fdfcf501c123262702f5d713c2450c2512590fccffd9f604f9ed10fc07dc06cf0f17450025130cf419f7b90bf201311b0e53cf4cd201e61dfd010200e331ecfdf0245cd9e92409c62ad31240074f34f4d50fffeac9032301e8eeda27f2dfd8ac21e21e24e80817f605f01dfafd20ad91f4eac5b8d8f50dcc1729f4f71bf3071730b320d50ceb3120bc1107ec17040af9faea0b09560fd3fae5cae93f00faffddf4110006a6282132f7f2ed02eb4c15200f4506c8feeeef0714e700ebf9f7f5dc060d16de191a32fe10fdd500e4f8251f187fda39d70ef427e502030efa230406fa1f3af1f21602d1260814e012080faf041be5da07281415fee3ed0be9dcfbafe90a24040a271a27fdf02ecfd0fcdbab0be4a0defb021cc41ae1f70101f8d41615d406f101f6d80c81fcf7e6ec2828fc0ce8ee024efdf70aefff0b67e4132f3efc21f213c4dc2a311ff3100dfd5f0606bb24d8e32512f31733e9fde90efde40ee802cbddf4c74a0310e40614f5f934eb3d79f83cebe8eb22b3ef1d1703f518060efd1d34e81bdf1c1effface13fd0ca3ee1b02da0921150c0bd1d80be1c805b9fc0838050b16170702fb2ddfd70edf890bf1bcddfc0b0abe29e905ebf409e11d2acb0af212f9ed0d81f9f1e1ec19140205bfe7f24b10ff0cfbf90569f70b463b0721eb18ccd5273e24fef113de5b0616bf43e0ed2209eb1023ed02f42debf2f9e604f5f204be35ff17ebd71b05fe42ff3176ed53ddc9e316c6ea2b19e60401f612024c1acf2be02420d6eacce0ea13ace9f416f7010015ec02d5be0de8c906dc2b03390dd8e812ebf8f01c01de38de81ff0ef6dbf1fc05cc1cfd16d2ec11f70c35e3fef1110115fabbf90af1fb08f7fb0bb3e4ed2d2100ef14ecfa3e12fe401d1e0dea0de8ef40311af7dd25d34f0b16e859fd081beaf5eb100f14103fd519dcf11c391516e6f0ff12edcc1efa0b421d2446e558cbd0cf08ebe51021c41de3ea08074ff8cc37fc2b25c0d9c5ced721c8eadb2c00050512f4fbcdb2fcf4cc15f33c062d17c9df06e4f9ee1b07f656f181f82b28d4f4f904de05f928c9de0d130832fef3f1140f2ae1ddeff7f5040ce7f909b9d9e213250acc28e0062a1aee440b31ffd3f909e356240ff5cc2acd45ff29fa5f081d2dc00bdfff171a2845bd31cfff294e2209e0c30719f1c02f0d1f3130191fd058c9d5d003fee10519b43bbee3f80669eddf31080720d5f8b3f8f145b4c1b71adf28611df918c8ec91203918e02bfc520dde210ddd121821072e4e11bef7fc4af5f8cc1d3cf1dc42d7dfd4362f231bee25181604e2fbe6a80d422ad9300106f49eedd7fdcd251e253af602542a363383bd14e933fd0bece05b0a16d435fc17f5de23eb0cd92cd2e044fb914ecd28f042f0c09f811936088f3716240f58fe0ab9e80b06f10b03d8ed2ac63cb9e3da0576ccfedae09e43d4f0e9f10623ecd9ec39e9fe1f1605f7c8b4e705dc13e937f82d26defcf7e909fe230b1e48e893ff1921bef0f601ed05011adeeb08380d2cf009f11f1145f6c9e8e0ea2609de0ffddae0ca172bebd40ddf051c12fc42fc1fffd1f7fcf13b1d0bf1c721cf32ff3d034b19f715bd03eefaf510161cbb2acc07183b00fbd6d1061cf5b6371c24252dff22ba45d8dfdd1110e41402d249cceadf157fe0f419ffaa20c80531fe2e29f3d6fa1adfea0a19fff0dec511f9d8f4c633e22724e60208f109f724090a32c981f6feeeb7e40400d5181204ebfd09120f38d018e21bf6400cb707f6f51406f00cecd2fbe33e2ed5ecf1d3f932140016e30104ec0cca19352efff7d913d34f0d2c0a530bd104e2f0fb06e910fa07d50ad40a0a30ea18fd01fd1bf4b324f5043c29095bc14bcdf6e821fdfd0c03e536e8f5f32761dbe81e02be2ada1543054a33ebd9fff9e4d90e1dfff0ecd322f0dfdbac1ce9191de512140202f425f3f520b095f3e8bfb8dff213d4181df8fc1ef2fd182eb51ddb09ee2915b410fdf2150b0dfdf3e80bf95315d3fae8d2f44aff0006e8f216f908a8202b33f7f9f805f353151f093efecf04f1ee031be800e7f4f5fbe103050bd2150b2c040dfad40ce6f82e24177fd43bd907f32ae0fc0413011e0103f91e39f7f31201cf2a0e20f6fe211dc10206d6edef2218f906fbe112f2dde8b7eef60f00f61f1029f6ef18ccd304d0c114eba3e6f9ef24e716f8fe0c1af0e51211d3faf4f6ffef0696fa02ecff1c2bfb10f309f857f4e9fff6eb035fe40a222aee1dee08b2ef1d3109f2310b11590805d70adef616fef3f93be5fce1fd0ff1fbeb05d7e6f8e8500a00f61010f3ef1bff297f002df3f8f132c0e5011215f00f0304f302350115e808180714f2fc1919b7ff03e5e6ed1e16fb0ef1d910eddaeebef8f81a00f6181022f0ee1eced207d0ac1af7b1e6faf517e81df804020bf6e3161dd1fcf2fffef2008cfafce8fb1722020de600eb52ffe902fbed055ff00c352ef722eb0dbce8253b0ef52707025a050bd11ce6f81b06f3f836e3fde80a05f4f4ee00dfe5fedf450908f30416f2f32a06227ffb3ae9e7eb2bc8e70d170af809fb0af61125f317ec0c17f30befee0f18a9fcf3f8deea1410fa0fe4cb0ceddaf1c20bfd2005e80a1716e9e927d6cf14ce921d03c3dff7f50fed1ff50af5fcefde172ed6fef30902fdf287fbf7eaf8171c1106daf1d84a0ce10005e9085600144c2d0825e80bceef3b4110f41d03f6610013ca37f0fb2509f7f131e3fff718ee01e9fafdf6dd07d8290a1aebfa1ff0fd38171d7fef4addd9dc21d4ea151ef803fdf00eff1f12e91bf40e1ce40cece70b1ba8fdea0dd9ea110ffb1ad6befdf5dbfecf1607230ddc081913e4e035dad31ed881131bd5d2f6fd08f121ed0de6ecebe60d33e2eff60c020fe583f8f0ecf71c161f03dedecb401cd7f50ee80d4c141b5e2c181fddffe3e849470ff00b0ae766f423c449f4fb2c0404e827ea030523d617dc04f808d703d1190c26e3f52bf308391f1d77e45accd0d815e1f5171bf10df3e60d082a06e21bf60014e40ff4ed1020b7f5ea18d3ed160bfe19cdbdeffbdf05d519062513e00b140ee7e938e1e521de810723e1cbf60000f21bef0ce0ebebf4092ee5f0f811001ce389f8e7eefb1b1225fce7d8c33926d4ee0be60d44191e5d241a1ad7f8eae849400bf3020fdd5eef2bc74af7f72afd09ea1ee505071fcc1fda0ef80ed101cd120b2ce6ea34fa0c3525186cdb5acacedf0febfb1a11f315f0e4050e39fee517f5e116e51612f72127c7f1ec13cfe619100212d0b9f5f4e2f9c71bfe2512e716140cf2e93ce1ee21cc81fe12d8c2f0ff04ee1df80aecf9eef31032d2fef114fc21ec8702eaef091a1024f5eae5c2412acbf100e1084616174b17111adcfcd4f945430df3040ce261f42fd444f7e71cfcfcec1ee304fe0bd01bd810f60dc609d5180b28eade34f6033a291278d156cfd6e319e8f6190efe19f4eaff1341f8e615facd22ea1931ff362adaecf0fcdbe016150103e4c60dede5e3b615f4160fe919130ff9ef30e2ee1aba94faf6c8c5ecf910e81b0601fd0ff0ed1a2dbf0ce80df61bfd980cf5f40f151210f3ecffd94d1ed2f6f5db004c0a0a2403fc1aea05b70b343c06f90b05f55b0322ef34f4dd0dfaf0f523e7ffeff7e80ae108f901c810ed270b17f5df20ebf73525137fd644ddefec28dff30c130a14fbfbfd1435feef12fed127fb222e04402ddfeffde5ece11917fc01f3da15f3e8dab003f2060ded1b0f20f9f324d9e20cbeb6fee8b3d3edee1fea1309f70821e8ef181fc306ebfcf80b09a608fdf80b171c01fe020ef65203dcf7f1dcfd4ef4060c00f31af202ad0b1d33faf61c040f4d0610f716eae70dfbf5fb2ce8f7e5ef02fbecfd02e9d20400410f03fcf807eaf21d181c7fed2ced03f52dcef4fa1415040909fb091313010af7e31d
df9e35eb-55d9-95a2-1573-ed92f74d8e1e	1	\\x4ce59b3de33b033d48fe063d826e043d7feff53c6919e13c42a6d83ccc5fe43c023a303dec00de3cced5073dc835ed3c4b01d73cbee8e93caa9fe23c6f73d43ccaff153d0ce6d23c987dff3c3b9bd43c4ddee43c77bf073d6f22023da9f8d53c1ed31a3d16f0c43c38d0213d78e6d83c2109013db555df3ca927e53cf3f0033d6884243de066dc3c7da6dc3c5f1eca3cf99af03c478e103d3713233d382e313dc129373d6313133d57d20b3d3c620b3d993c193d7ea0273d1d16343da3df3c3d61ca433decc4273d2ad9223d174e203d7728243d48fc2d3d450a393de4bd3e3d93fd3d3d2c45273dfab0283d880e283d4389283db5ab2b3d4eac313df584343dad91343d1700ebff0301f225f0100ee8fe0e09f60e160e02060af0ea050df8030816ff000f0614130d02dff1070afbfc120c0c1005f401050408eef2f6f9ef03fafa09f1f421fce9ef0df90a010019fbfd03010204fe10f60100120bf9fcf005fe070f07081005040ef9fef7ff1be0edfd03fe0cf3f1120614ffcdf709f5130612fb0f03010eeced0304ea2b0cedfe05fa14f90904f4f2fffcf3fe02fdf28106f50508fb0504c3cb171785e4f8ead9d2fd05fbe207272206e6becfcdfe17f0f5205d1005050ad6ea0dd6c30aedd9e6d83f21ebfc02fefcdd1bd6fafee12de1fb0dd734cefd30f5e6ff29e22b25eb2361c92002dec4e229e702f3f4e117ec039210492e16ed0be9036beaf7d75efaa329f111e249e804ec3739d3fce01abae7eeab5de30fef30fbec2537e4237fdb1d09280f45dbfbf31303dd0103021903401540f70d271d0aa7ce190095ebf904d4e2ec0f15e1063d291ffbcff1bef521ff081368f9fe05f8e6ff0edbcc070f1006e1551603fdfff7eec517e4edf6ef20dd0f0cd330cefb33ece3f11be52c1ddb3053d127fdd7c7d618ea17fbfbef14eafbac113c2d1ff604d1e355e5eaca7f078c25dd21e333e6fa034d3bc3f4ef1ebcebf1a145e00af63eede32b1fd11062c61d151d0927fb17fc06e6ddf5f20a2009190f3f040d231f0aa3d22a0696eb030bd6dae60c14dc07382f28facbfac1e920020a0f63fafe0af5e5fd0fd7c00a201905ed5612050401f2dec21aeeedfbea18e30f11dc31c1f136ebe8f71ee92e1ada2a62db2afed8c6d015f41afcf8f716eef8af132e341ef403ccdc60e6e8cf7f048b1dd228dc28e6f20c5033c4eaf31dc6f3fea54de40bf63aeee62415c50e63c426121904210219fbfce3d7f1e90c1d0518083bff14182f1b9cd132219afbeb221ab4cf1717d00b33443206ca15c1d71c0d041173eefe0df40d0522d1c6fc4f26f3f84d07101c14f4aad62b0bb8f0eb0ee2f911f41acfe551f8db022dd12a20dd1e51e036eadad2d2ed081ef0e82307f9d1da131b2e16f6f2c0ba61eb00ea7ff5b30bb225d9faf8df176835e2e0f732d5001a9347f308f84006cf2911b11367c52bf12d11e11211d0e7dadaffd7fd2bf814f634e722e1423ed8e52e1fadf8884137d0f3332ac5012b473b3be7fbc29f3c1446dc5ff3f20703072905ce3ce450261de827172ed5f614da381dfe92e2f32bcffe04f6eef0062a19ba1c40c92166ea1a15fe18dbb024ddccf00fa8bc3202d6a7e016261ce3fc08c6d513d80df265ddbc06c5f6acf6eee0294441c911f93b95ca0da315121d1a5f248d1721cdfb7fd9cc212e27c44243b21ee51adbcfe83809e61805f4ffd76333e3f04251deedb42a51bde13532ba0839503027e0e2aca54030000d7feb04041a302319af0ceb412bf50036062ade2b00dc2426149fdedb30b3f804d5f2d0035018b90940dc1429e33731e838c3b800ddd30317c8b028fff5b4e21a2734fcf301bbcd1df0170c78e1c5179a33d0d506dd006326dc03fd4e92eaeaa01716080761039bfd18ae057abbe3ee4c0eb8341fbaf4cefb14c0f04f0be80013ecdee05035d7e73a5dc7f2d20f4fe5de2d4a97073270292deee4bcb41f2b020774e81217fe281922be0af0311feff41e2924f118fcc9281202a6f1d13cc20809e808f11834fad91b36dd1e2de53e16e716cab9fad2dcfc06b1b02bf309aece37293603df10c5ea2ae72bfe7f0bbc01a7fadee001e904400ec5fff53b9dd4e99f2122f80663fd99031ab0296bacf8eb3f15ba3d36de03d7fefedafd5308d50df6eac9d8f30810f84245d0e206f603b90113fadd00fc2bffe9c3c7f9f70f11f0162e110607130aee1bc5c4f4f1c4c4e70d15f20b18f2de110dfcef0ed010e1ed021420cafd1afdfe171be90d21090a59e301f8ecdaf51103fadfcdfe0e04eebc221234f3edf6ef024c111b122af0d901e404f20ffce9f0130b01e3f80edde609f6410105fb08f9e8f511fa187ff016e42d141bebf9e8fe10071204f62714190709e7eb091bf58fbfef0690f4acd31df9e72924c70c614f250bf8ea8acb32dde2397fd425290f16181dd714e8091c2ab145e40bfd0434fe212cd7c2d6d337d105dbb7161c0d32feb9e831cb120af13e1ce12108aec5d6f4b6070d041519ebe6b8f55c241bf3f3e8c736c6f1bd75ffa83de92df005f1f5e16a51d429db52ca03ffab1bbc220d681c920758dc0667b6d8103b0ffe1319ab34e2ee13ee1e38f80afb4d032107f93181d1d4cda3f9c6eefd13eb3c07c7124172fc1532ffb0c32c021d1d55ea0c20fc122914fd36de12131de519e9300bec20242715e4b9ecee2ce81beecffa3afa05ffb10a12be1206f718f3eb04e6c41ee706c620e0f60b19e8e6c00d3705fcfcce18e030d6fed64fefb41cdbe9e9fcf2f0ff1056ce39b931c2f305c613ea0f196237b71228d0fc57ddc4171f29f21420e13b0006daf01e35dcfe0b0b0c28f9224281e407f9b8faa50b013af7371dc517356c291025099bb63ffb111a5ae80f1bed041afadf29f53a3731d134ed2a100a1c0c4523f49edbde2dd90be3d8101900400aac0220cc1b1ef23801141ae8ab0acff2bf33d6ee0f1ce0c6c5eb3b35f3fdfff1de33bcfdc258f8ac14d8f6de07daf803454bc02cc64ea4e515a910f015ea791ca00724c3f258c3be18050af52130d840e0edd5ec1443e9df042510fded5f0f9eee2634d417d40b4a01cd022bbbf9364b36fefe0e88ad35e8df0a7bd32713ee163711b90109596817e159ee30192110e60f552ac5e7c909c2fdefdd00f4f275fbb8e830e72a07e8432d1e3bddcbd8c9dcf224ecf53cfe08b5cfd8303710d319c9ac2eea0ddf7df9c923ae64d1dc11e2df6a21fc0cf862dd4d11ae17e4ee0d560097ee1681152ea9f8dc27f2c9211aaafab5dff6a8091dfde9f436ff2cd52d69dc08fdf4dff6a75442f70d5a1de2fdf142323a2bfba5af060312013dc4ed1b1715420bd562cf4e1800ec19e42c15013918513302a1eef522e91d04edf9fff10d1ec20d1cdd155ff500f009f5c7b810dbecce4bb4ec2f28d5c2e518fd25cd02e8edd617d3190b3ac4d4d9ba03c9ff0cfa11365bcd29c65594f53bbf181816f3624abaf40bbdf353e0b2f52610811a2ba516ed1ae5da072aced2fcf9eb12c54e7fe407131fdce9b74a4fda1b490fe50a06491a3422e8afb0fe01052942e1fd471f211bfcd07acb4a08e3eb3cfc43fc0c050449091288eb0c24e717f1e6ed1b17fd23b40f29dc0267de17e2ead6b7cafee2fbde37a2dc3023d795ef2cec15f2feedfae903cf28f45109d1e2bcd4c80af7e3fd3443e91eba39a5dc38b11e23fddb533ec1f501cf1d60bfca0c1912992f4ca42bd42ae9dce13ebac817f6fc0abc267ffe063533c3e7b5324cd7fb5229acf62554313509ffaab70a0b0c0b5ae8262b2f152516d962de3101cce2061821160917005106f89ee3c42de01be6f8fa36061722aa2636dc1061e32df4f0d4cc9f1be7e3cc4587bc4210e290dc481c25dfffe3f3cc19b636e952e7b1f2c9daaed5130a112041e816c62b9ed00db3221f081c4f428edd14c1376cc8be1c2815984b3eb62be52dffdbf840dac2f0f4e4fbc7f90c040a4047dadd0c0c08aee02510cdf40c4004e4d3d4f8f11e26ef0f48fc0d161a2d1827b1bfe0fcdcb4ce140cec162ae1ce1a1d1dd913bc0fcd00ec1421e00f22e4eb0d14dc0318f91d50eafae4e5d9ec04120ddbbb12f61ce7c921243bfde7dff6dc46192e0e61ffb9edd60bdee700eff92702fce30b16e5f312f23105040c09ecccf615e01c7fdd25c92215fd0121f702e31319ecfa3c25f6f30ceff8010b229eefdaef92feb5f0220ee43f2fc8fd384c19ec0f00a1ab26ccbb3f59bd140f420a2625d63dda0d12199407091818ee2e0f3633dea20bcb2ae30fb9bbfc49103cfda0f12d9e0bfbfa56f6b5fcfaafe8f11ac72b1e02350102eeb9cf590d0df0dae4d930a7079c62ecb030fa0fe90b070c016b7fe342c264cff4eedb26b0ff007236ae1d39c21458bac70f29f1cc230cb956d81635ea323ccbf6ed5910260afc4f81edc6c1a8fbaffffc03f62b06e71a3742fd311bf9a9cde4e4f81246cf0a2635042306f864ca11f90de337dc3b0df814281e16cecce30708f909e0b7ef53091516a7f61ce10210ff1d00d1e2ebbf18fb21d148f6222e12e2d4da2111fcf4feeb11cc12c5f1bb3fe4c81ff0ebcc2dfef503357cdb49ad3ec8f825bc1ef920023f40c00b26ce0052cdc422211cd52b2ec131ce16f9eb162ec5010816fb37fb196f84fdd6d9b5ffae2a081e024706d1152a6d191237098bb304d7cc3a30d4f43d2d022de8f57fde2b2b0fe833ff4931f31f172f37ea8ce9e014fb2fcfc9e75b041a1893070bc60e24f52ee4d1beeec00cea21b04dd91f312bf1acd50818f4ff01e9f4d91d9e059d4d0bb218ecddc527fe050c2c7bda4f8e4fbffd19ae27e101fa6c4cad0311bd214ccabd2c0515b82d3cb436cf1afcdb102c99e708291308ef70eddd09032bd816f7174900e20411f9d5210b18e91e1ab0be37d7ef0556df2116ff0341fac510f54b6d15e46ae91a170419f3fc642ddfdff4efbe10ebd4e8ecee79fe99e342e20807e84a011a5dc9f4c9d0f7f40de7f444e600c5f5c322260ad40bd49a11fdf3e97adee326ca5eb1d8e9e6ff7f150c0d0565f4672ceb1b1ed81c21f1b6f825a20321d50ed8fdffa31227a5f4c1fac897ef09fae5d731184edd407fc5fd110ed617d4472ff31b411be4feee61ff231b1bd3a0fbebf82234daf31f210323f9d768ed3632ebf3ff15400ff20f143e6513a109f427e524ecece231e81423cb0004d40346ee15dceef7c7de12fbfeee1dc0f63d0fecb4ec0302eae7f5e9d8dc0ee71de93dd7dbe9bff6d1e51605090f3df311c552b8050ed5151af0ec3d20d6ff04aa003dd3e00107079d2819c714db29fad50e25c4dbfff807ede15b7fdd181c18f301ce5737f4104b2ae8000b431b160b0dd2b8fd0ff11745f2f80a2c093804dd4fe10d1dd6e9102b421f0c07f53b2c259b05e82eea24cad4c83516243caf0d1deef52af12eddecf1b1e014f904f940bec34903f6c6eb16fffee2faf8cbd820d111f74fd5dc02c7f6cccd0702122c30f506d13bbeeef9c7fc2110dc4a05aef805c90641e8e4ef0111983609d402b723eacdee43ccd1f4f8fad2f12c7f15214e6ad207cc3632d8f1524aacc3fc3b161ce510d1b605d2db1a53bb2a29592f3530be4bc1260bc3dad62b072812fdf5593c179d06b211d007c80f0135fd3006c01022bf0965043504e2d1e1ae250700df428aca5c02eda5e7061222d6eef8c8bc27d242eb52d19dfddbf5c8d70102fe2e3bfa03eb36a7e002d2230de80c2024c3e228bb347eb8cffe30fd993238c220d0332eda073fd5b7e60fffe8d7ff1007123e3de2e30911f9b5e22916d9e7ff37f5e1dad602f62023f3124304061423241d28b2bcdbf3d2b0d20d0ce61826d9d721191be412b708c7fee00b1ad91215dee90c13defd14ff134af1f2e4ece2f3101412e5c319f019e9ce10253dfbece5f4df40202c0b5efbbcf1de08dee8fbf3fb22fbfee60613f1f913f6370d0112f9edcffc1ee6217fe22cc41015f9032a0704e21914edfb3422ebf10ff5f800252d9a10d31c9309bff31439e24940ace25630f2fe0ffa8dd41dbea83258bdf02853ed4324dd41d0ee020397092a1c32f6230c0e22d3b3fbe018cd19b6a6e94c1066e5a0f40c980bed006bed9b01e7cf0cf642bf3e0c0b590000f0c9e0510604cadecebe2daf0d925fd7a54413f8e02efd05067f6bd06aad75ac00c2d039bffe21572dc42037c03e4caed62915f5c3fe2bd44acd134200033bc1f9e848400f110a4181f7d5e3c104d2fbe914093619c8062d45e3081800d9d6fffce82d1ce9f51927fd3205093de1ef0effeaff1c3a2adc04301f28e5cf00050ef51cd9c3e03bf91e18ca0cf9b7fbfbfa31e6ccfce5d91e0923f545fa08270cf4f7f40018e4f4f2c1f3e121df05bd11e1ed08ecd5ee14effe08195cda28b031d1feeed713f317104721df12ffcd2331f2db1f0315d60f0df314e71903161d1fc000fc121b0b07116d8514d6e6ae0aa52e06390a4a32c5f61f50fd3d0b14adc4dee8d72633c3d31920df5d13f46bde081321d612134c1fd7253b3a3cd7c4e9da18ee23dea8e63efb3b1ea7f7bfc60714054dd4d0e2d7b22e0835cd6deb104412f2d5e4f117f7f8f2d6d5da24a617af28c3c5ebf6dde826f4091e437bb9388162c002f9a12aef1beb6551d4071b9e382e00b6230bfea82f23d11ede19111d223fa4eee9181a01036efdca150a1ce3050d18391de5073208d9250615e21c17cfce30e7dc1347ed1714fbf64ff3cbf6f12f5012d744f21c1500ffed135228e8ffe705b31be9c1e5eaec7fffc2f30ce80202f038f10d4bd4f0fbda07f10ffae44fe915da03d7221a19c307ca9b16f3f5de79d4eb10f43dd8e9e1001070f7f70bfb75e45b05d41322d62320f3b3f52cadf710d618e0f1f8b52307c905bdf6dea6f601fcd3cc36251de3737fc12b1105fefbd0283cf3084f2ef6ed1325e3fa000edca50dfde4182ce5fe350d104a00d53ce06335e5d40f0c56ef17d209542535ac22001ebe0ceed5e41d0e5e1cb30e05c61832f644dce547bfdc38ed0cd443cdd36c13e0c72101f815dfd121a4c802cd00ea4d82e5e1cabed0d8d303085b20b637ef69a00fd9b60419f4ee1e08c21f33a72f62e3d90cefebb44128e71cb123e2e1f636e2b1dc151ce9d35c7f034e3e3ce512ac47230df84a3ae5daf4350024ee09e3c2f3eced374edd093529075603ca49c51604d1cf162a2c0126dd02533d1dbf0ef212a203e3ba0910ff371cc80aefe40246132dde060ed3df59eb2dda449ebc580dc08dfd0c0018efe73eb8dd05c116fd55bbb1e7e4e8d8eaf0ee1242fcd614d643bbfff7b3f13ddc00fb03d70013ba3d46d1d304f0efcf4039c91ea21e03dfec46d699eb003bebd84736e32f2923f0fbfa320bc8d73e3ee3dc002df2f3eafdf5f12721f9135cf2032b281e432ebbd2c70aeebdef2516f82c21c2d72e3235ccffbcfac0f3c6eae9e61632deca1408e0f7fffa1919f7fbc9eb1cf5190a33e3c13bd61bc602f21b37f9e9e1d5b9271025f07fe5c6fac0f8d0d5fffc1245fef3f8f32aee120ac82d24f81104e8b41c26c62a72d335c5f215c827470d00b11703d2f13310c1db2108f2ef09100f0f3f36e6ed0513eec3f02621dee2f72eebe5d7d50bf82021ee133d03030d1f151528afb9dbdfc2b2d9040ee51220d6e426090ff418b40dbff9e0ff14d3130ae3f20e0ce9fe0e070843f8efebf2f5f91a1011f2cb15f40feace151d3ef7eff2f2ef3b1f26094ff8c8fce6fceef4f9f6fc1bf100e40711f9f712022e140213f4e8cefc1cf31f7fe527cc0b15faff1e0c04e6220df3f83025e4f20ffbed08290f8f0cd308b7d4f2d90b31c82152cde05007f90c13d4ad0034f2de2369f0060d2fea2bf7e8f9f5ed02fbc3141b1026e9070a12eed5d3fce525d91dbf91fb0a0770d1a80802b300eafb70ffb905fed020ed4ecb55150944ee03f0e2f8540104bff3c1a040b5ea8165d6ab3331fd0a44ba15027b3abb4bd366a8f8b8b23cde022c5121a33556d6324cc3ec180e0fe22513ff31d1fc1f061136d5f7eb3b20110a312f8424c1ecd5eaf4dbfb27d62b32c9e8640b02ff0fecc4e11301e82061edff3614e73ef4effadf18230ae029f23042dbd51804f1eed2ea040afa13b9a1ed1a1f6de78f1ff0a20fdfff7bfbbd20eedb2af547ea631f092ffe0f0b11e242fdfed8f2c29b3fb3d29458c3b32008c8203fa801017f47ad46b157b90cc6b43ae4130c3114984a4ebb3f46daf023f406dc1d2a051dba05ed03f732e4dbde3f191e02494a832cee11d5ebdde10c48c92255d7f256ff031723f79ddd44d6ec2f6be51f2e18d958d2dd15de244015be341c2d30f7fd0d21fbd8fef3d628c923c8830bfce37fe2ab13ece5f2f4e7770bd6090fc341df5fc66c0ef9561008baf1f149fd02c30ca091358ade885ac7a51712f8d82bb20810691aa844be6cbc11c39e21f1f03e4232960f4cba342fd1e12aebf5da3d18e72abded1fe41337e3c6df3e31f9ed4517af3f12f3e2f92a16ec1ed8154ff6d6052d13ec1e00b6d41f12f10c67d9091121df450cb6ade04208e9e755e3e469eadeffff4113dbead4fee111d6dbfbd2f45addbf0713def3c6e02a16131ef5d223e250f64c2cfc1ee628f5e6c5314035d9dae09a3be0f1ae7fd8aff6e31df2f6ddf9164a17e20feb3cf8400dc24bfe0709fcead60b2fae1254c749e2c9efdc122f0009adf5e8bf171422dbc3441a1eec462ce5223605e20c151eece7eb1d4a06dbfc07fd07fee8d9ee2a29ff124906e7ed35dd0800cdb6f528d9e10522fdf23bf0cfd7f2fbf8defde7e8e609e6dbeb8ffa1aebcc242800effdde072801efedee1e0a3612453b173df601d1fdec164b16f201d6b93de905b45eddc40aff23f0f0dcea0e35f7e8011210e5fe05ca5620140112f0d02422cc247fea49cde1f6ce013111fbda0004cf1808f8e9d612f015de3b28fe1d370ee5080716e8d8f0203dfedcf908f008efdbebfa282205143d0feef733eb0509d4bced0ed0da061d07f424fad0d5fdf1f6eb02d8ebdb00e7dbe99e0807ebd5272101ef09e6002cfce9eaf713102f1535250a37f401d0f9f9124b0bf5feddcc35f512c851e9cd0fff14eff3e5ec0a29eff0fa1705e7f207d74c1d10050cf4d61a22de2a7fed3ed3ee05d7fd3215f9e8060adc0f12fce1e109ed05e82a1a0e1a3c1be9fe0411e4d1f7232cf4dbf210e802e6d4f5f82a1e0517370ff9ff2af60b12c9bae4f9c4cffc1906ec1802d5dc0cf6faf809caf4d2fce5e6f8ae0f03eae0241efaf10cf1fc35fdeceefb090c2b122410f726f402d7e602124504f8f3eedb320416e44aeccb08fa05f3f9ebec031decfaf41203f0f00fe843190e0cfaf6d90b21ed237fed35d9f811e7fb2912fdf41208e7071b0ee0e90bf2f9f70d0f1d0f4334eeef0103e7d0031d1be7e4ed1ce8f1d6c700f6201af819310e02022100021db6bfe3e0b3c0ea010ee70a10deed1ef8fd0315bd08cff3e9fa0cc50efeecf11718eef90b040042f8eff2f5fd072c0b14fae20cfe01ecc710163af5f8f7faff3616170635efd401f1fdfd07f3f0f50cf801ee060bf4ea13013a14000fedf2ddf519001d7fee25dd091001f2130806fd1f0af9fc221deffa0af8ee082014cc16fa02b2fe15dae3fc0c233cf5ea1b06f607fab8c7f92508f4173c1df5fb34c5fdfeddd100e2afefdf152ade21e4f0ff0be5d7effcd1feef05ded4fdad081aeacc2522d305f1e82d25d5e60cdf100f5ae83d2a2a05090205cfe4373527e304fcec50ec03a11febc70d22ff0144db03f52322d11cda15bae3dac35ff320fd2e01d81c2fdd327ff522f7ef0809d409111dfefb1d091009fb25eb1df126022a17c71f07f7b8011ceadaf907224703e21704fd0e02c4c1f72e11f6113f15effb38c100f7dbc203fcbaf9e8291ce230dfe8f5f7e1d6eefdd7f4f60fe0d6f2970416e5c8241de403eed82624e3e210db110f5fee4d423112050408dbd9364533e302f1d34be4009130f4bb0b2410ff37d4fd002f1ccb16e50ac0e5e3c261f223fd2effd2202dd2257ff331f0defbf8df1e1a1af3fa1bf91b07fe13e018f62af72e1ad02314f1bd0422f6d6fc001d4b05e31108020c04ccc0ee3412f80b4205f3fb33c205f8d1b60310c6fee72e16e63be7e7f3f4e6dbf301d4f7f813e6d7ed8d0216e0cc2318f1feedd41928f0e313d7130961f24f4b2f12060508dadc304e37e204edce47e4fc9137f2ba07241cfc2ed3f9032a15ca0ef302cbe8f0c55df324ff24fdd11629d2167ff238ebd6f0f3e5211d15edf81beb20060503d917fa24f52e1bec2325f7cc0829fdd3f8fc193f06e7fe06fe0000d2c9df380eff0a39f9f9fc23cc04fcc6b4001ecafaed2412e43af7ecf0fefae5fb01cdfcf80fede5f292fc14dfdc1b1afbfde9dc0b3302e915dc11035df541472805070208d5e31f4f33ea0bf1d440eef9ac31e8c6011919f824d5f8f7160ecc0202f9d8edfed459f820fe0cffdc0221da077ff438e6d8ebf6e51b1f0cf0ff16e41eff0f01d915f617fb3722fc1e3302da092704dbf1fc1b3804eaf5fef800fbd3d6de390f050835fcf7fc1bd402fec1bcfe1bcaf9f71314ec3204e6e704fbf0fe02cefbf508efecf391fa12e2e3181d00feece4033404e508e4110452fa3b40230a08fbfddaf010482bf013f4da37f8fdc42be9d2fb1214f31bdcf6f20e04cffb0dfbd9ec03df52061b0304fedbff17e0027ff633e2dfeaf0e8172007f30715e215fc0dfbde0af30dfa332608153811e0051308e5de00183203e3f6fcf205edcfeaf3311503052c10eff823dbf803cfc1fe0cc2ee020c15f51d02dcda06e8f0fe0bcff1e801ede9ee970403ece0211d02fcffe7fe33fbdff8f70e0b440731331a1a05f8eae8fa0f4814f312efe333fe09d02cefd9090e11f116e3f3f915f5dff213fddae001e34a1215000bfdd90719ec167ff831dceef6e9ec1c1c02f80916e60e0504f4e700ed06f32a1f15153c1be5fb0d03e5d9041929fae1f402ec03e4c5f0f42e1403082a12f4ff1fe2fe08c8c2f7fabae7fd0916f21204dde211e7f2060fc7f6dffdedeff5a10cffefe61f1dfdfa04edfc3af9e3f6f90608400725210a1304f9ecda020f430ff60ef8ed30080de329f1da060a08f318e8f1f50df4e7f01300dee005ee4213110701fcdb0118f5177ff82ae1f7fef3ec151704fe0f17ed070d10f0ee00f1fafd181b1d0c402aecf109f5edda0d1916f5e8ee0ee8f7dabbf4f02013fc0f2117fd0416e8fb0dc0c7f1eab2ddf3fd1bee0809e7f31eeaf60a14c3fde0f6f1fc02b40dfff5f3181cf6fc09ffff45f3e7f6f7f8043f01120bf90407f8f4c3090b3805f910040233120bf91aece1ff00fff820ecf1edfffff0ef070ae3e30a024210050ef7f8e3f41002187ffd21e8080107e4060607091213fbfe1016fdfc02f3f0092015e4061915c1fc10cfeef0151b1107f7f606e9f0edb9dbf61bfbf81a1f29f9fd1ac5e901d7cd08e7a6f4f70425e617f9fc001af8e50700c9f6f1faf3e500a80106f2ec1b22e30de8fc0e46eee806f2f70a63e61a2324f50bf5ffbce91f3318f11e12034d04ffcc0de6ee0a12fcf83ce5fce80b15e204e209d0f3f4e464fd0bfc1006e6fb1bf1257f092af0f4ff22c5f5041311f7150009f6ff2ef416ea1e062918e00f1f0ac40219d8e5f1101c240ff0fbfdeef8f5bdd3f22900fd12231ff5fe20c2f1f9d5c40bf7b501f90f23e923f9f6f90bf2e50a03c6f5f603f1e3f8950105eae6181dee07e5ec103ef3de0aeafb0968e92b372ffe0af704c4e31c3b27f01f07f147fcfbbb17f0e3091b07f737dffcf01410d504ef00cceef5df60fd11ff1603dffd1ae71b7f0632ede4f213cc05141107f819f314f5051ee812ee20002b19e6152704c8051ee0def10a192a12edf8faf3faf7c3d1ec3202010c2613f4fd20c4f3f8d1bf0807bd05f9141fec2cf9f4f306f4e60b04c5f4fc07f0e6f38e0004e6e3181bf603e3e50c3ffbde0de7ff0868ed31412f000bf907c8e21c422af11f00e944faf8b81ef0dd081c10f432dbfaf2140dd001f9f7d0ecfade5dfd13011203dcfa1ae5117f0336ebdbec0ad50e1b0d03fb18eb1af70815e211f221fd2e1ff4173405d10522e6def005192514edeefcf3f3f3c7d4e13502020d230cf6ff18c8f3f8c9bc0311c106fc111cef3001f7f10afcee0e05c4f5fc08f4edf58ffc06e5ea1219fb01e0ec084302df0ce7fe0468ef2d402bfd0cf506c5e6124128f42001e742fcf6c21eeae003150ff22cdaf9ee0c0bcffafff5d8f000e45cff10050603dff313ea087f0137e9dce809d80f1a0a02ff13ea1af50a10e311f417ff3025fd143f0cdeff1fe6e9e9031b1812efe8fdf4edeec7dddb3404020b1b0df6020fcef0fdc9be0112c307010919f52c0af8ef10fcfc0d07c7f3fb07f9f5f995f709ebf20e17fa02e4f7054a02de01edf60163ef2238240109ef01c2ee083c1df91f06e73f00f6d017e4e8fe0c08ef27d9f9eb070cd2f103fae1f904f15b04080afe05e4f10bf1077f0235eae6e70ad909110504ff0feb12f5060feb0ff40eff2e2903104116e5fb14e8f1e0031b170eede9fbf2f2e9c4e7e62d0900061a14f2fe11d3f200ccc50209c00105011dfa2209f1e913f2fd0e0ac8eef503f8f6f89afe03eff1121afb01f0f80249fcdaf5f6f30358f61e301c0905f1f7c9f8063916fa1f05ed3a05fdda15e8eafe0b06eb25dff6ee0606dbee06fde0f402f8560d060c0204e2f508f40e7f0231e9efec06de090e03060310ee0bf90509f209f007fd27290c0c4121eaf60be6f3da071a1207edebfdf0f4e3beeded250dfe061a1af1fe13d6f503ccc800fdbbf902fc21fb1607edeb18ebfb100ec5eeeffef6f8f9a306fef3f2151bfa00fafa014bf7daeffbf00351f81924140904f3f4c7ff08350ffb1f07f7380a01e413ece9ff0903eb27e4f3f00103e3ee0700e0ee02fe5110040f0202e0f508f9157f032aecf8f209df070a030a0610f305ff0705f906f0ff011a281609442cedf104e0f4dd0f190b01efea07eef1dbb8eef0180dfa0e1a1ef70012d9f207c8cdfbefb0eaf9f525f70c08eef521e9fa1010c3f3ecf8f7fcffaf08fcf7f8151cf7000304014ff3ddeff9ec024ff61114080207f3f4bb050b3003fd200c07380e03ef0ee9ea010200f22ae8f0ecfa08ebf00106e1e804044f10ff0ffffee3f00701187f0424ee04f712da01ff06100810fbff06070a0305f2f6081c1ef2fc251ac4fc08c9eeef17190609fbec06efe9e2b8e0f410faf21a1a2df8fe13c8e102d2d107e8a2f3f8f529f210fefc0721f4eb0d05c9f2f7f6f9ecfca9fd04f3f51a22ed0ef10c0450f1e4fff5ed0864e6162021f20df1feb4f01b2e0af33415134d07fdd606e2f50c09fcef3ee5f8e5fd17e6feeb07d5e9faea600305ff1203e3f212fb217f0b27f6fefb2cc3effe0f18f2130305f4f5350113ed130f231fec002913c9010fd0ebed131a1012f6ed00f2ebe9bee0ee1bfef6151828f4ff16c7e7fed2c70af7b0fffcfd23f518fff90216f4ee0e08c9effafdf8ebf79bfb04eef2171cf20bed03044ef6dffff2ee0768e91e2d28f70cef03bbe9173212f3330f034b01f8ca0ce8f10a0f02ee39dff9eb0514dcfcf501d2ebfbe8600308031503e0f311f51a7f0a2ef2f1f222c8f8090d0ff215fb0df1f829f912ef150a2523ef03310fce0314d4e9ed0f1a1216f4ebfef6eaeac1dfe72000f8121822f3ff14c7e9fbcec30902b805fd011ff81f01f90012f5f2100ac9effe01f9eef595f904ebf31519f807ee01034ffadb00efee056aea213428f80cee06bbe8133515f4330bfb4bfef6c60de8ed080e05eb36dbfaed0414d7f9fbfdd5ecfeea600408061402dff10ff3137f0832f1ecec1dccfe0c0a0cf214f611f0f824f612f213092727f707390dd40217d8e9ec0c191317f2e8fef9eae9c3dfe12402fa0f171cf2ff13c9e9fbcbc1060abd07fe011dfa2404f9fe12f7f7100cc9ef0004faf2f593f704ebf31218fc05ed010250fdda00eeec036aeb223627fa0cec07bbea103715f63208f749fcf5c80fe6eb060d07ea33d8f9ed0213d4f501fad9ed01eb5e0407081003e0ee0cf30f7f0634f0ebe919d0020e070af413f413f1f91ff511f50f08272a000a4110daff15dce9e90b180f15f1e5fffaebe7c3e1e12404fa0d171df1fd13cae8fccac0040cbc0400ff1afc2205f8fb14f7f9100ecaedff04faf7f794f703eff41019ff04f0030051ffdafdf0ea0267ed203322fc0beb04bcee0e3710f92f09f746fdf6cf10e4ea070a07e931d7f6ecff12d7f104fbdbeb02ef5c0607090c04e1ee0cf70d7f0334efefea17d4030c070cf710f511f4fb1bf70ff40807262d09094417e0fc0edeece60d170e10f1e6fef8f1e4bee5e61f09f90b1720effa15cdeafdc9c40204b9ff00fa1eff1a04f4f916eff81211caecfb02fbf8f698fcfff3f4121a0002f803fe4ffdd8f7f4e8025ff01f2d1b000bedffbdf60e350df92e09fd4300fad60fe6e8060a06e931dbf3eefc0edcf008fddbe601f4560b070c0c01dff10bfb0f7f0230f0f5eb15d60409070efa0ff60cf9fc16fb0af50108242e11064520e4f907dceee310170e0bf0e8fef5f6deb8e9ed170bf80c1925effa17cfecfec7cafff7b5f9fdf526001202f0f91be7f51513c7edf5fff9f8f69e04fcf5f5161cff010004fe4dfad7f0f7e80359f31c2515020af0fabcff0e3109fa300a073e04fedf0de9e8060905e931e0efeff70ae3f20901dae100f95110050e0cfddcf10afe147f022af2fbee15d603060811fe10f906fdfe120106f5fb0b1b2c1805432ae4f600d8efe317160905f2e706f3f4d8b5eaf40b0cf613182af3fb17d3e704c7d1fceca9e9f7ef29fc0a02eefd24e4f31113c5f0f2f7fafbfcaa06fafbf91920fc02070bff4ef5deeff9e80353f315160bfd0bf1f4b8040e2d00fd2e0d153d0601eb0ae5ec090100f033e6ebeaf40bedf40105dbda01fc5012020a08fbe1f00a05197f0224f306f71bd1fdfd0917000ffffe04fe190805f3f70d
\.

--
-- Data for Name: image_vectors_1; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.image_vectors_1 (image_id, model_id, itc) FROM stdin;
05d9c288-2a73-4831-3437-66635f439638	1	[0.06262207,0.019454956,0.050994873,-0.059417725,0.066833496,-0.037384033,-0.07208252,-0.09197998,-0.019638062,0.07696533,0.014129639,0.17944336,-0.0692749,-0.004398346,-0.01461792,0.0423584,-0.16381836,-0.23022461,0.04135132,-0.048980713,-0.22314453,-0.14794922,0.030548096,-0.03137207,-0.02330017,-0.012336731,0.09039307,0.124572754,0.07104492,0.010719299,0.041809082,0.081604004,-0.15246582,-0.021072388,0.13220215,0.022888184,0.0040740967,-0.02607727,0.117248535,0.010292053,-0.02381897,-0.058563232,0.1463623,0.04333496,-0.05480957,0.16015625,0.025222778,-0.07373047,-0.055541992,-0.00982666,0.039276123,0.0009012222,0.09210205,0.06378174,-0.033233643,0.0107421875,0.13366699,-0.06604004,0.04864502,-0.042144775,-0.04446411,-0.011161804,-0.027832031,-0.06274414,0.08630371,0.0027694702,-0.121154785,-0.11480713,0.042022705,-0.17541504,0.027404785,-0.11828613,-0.1373291,0.014274597,-0.019180298,0.062469482,0.08392334,0.09265137,0.05545044,-0.1381836,0.062927246,-0.0068893433,0.12963867,-0.043792725,0.09515381,-0.07977295,0.0099487305,0.058563232,-0.06488037,0.038848877,-0.0044136047,0.09820557,-0.06756592,-0.023803711,0.31518555,-0.12683105,0.11932373,-0.17358398,-0.15124512,-0.032928467,-0.035858154,-0.10876465,-0.009887695,-0.05407715,0.053344727,-0.22766113,0.034179688,0.08557129,-0.09307861,-0.057739258,-0.09576416,0.09588623,-0.017807007,-0.062561035,-0.025222778,-0.10131836,0.083862305,-0.10687256,-0.09100342,-0.009628296,0.028808594,0.0077323914,-0.024658203,0.05819702,0.008377075,0.10369873,-0.02444458,-0.03744507]
96f123d8-d687-09c5-9659-6511938de5b2	1	[0.051452637,-0.008583069,0.06756592,0.031036377,0.035003662,-0.053741455,0.047180176,0.056274414,-0.109313965,-0.061462402,0.024627686,0.11669922,0.034606934,0.0015554428,0.029953003,0.020996094,0.07867432,-0.15405273,-0.00052785873,-0.0047721863,-0.19616699,-0.15820312,-0.033813477,0.037139893,-0.018508911,-0.027648926,0.027450562,0.21777344,0.06188965,0.02909851,0.0033454895,0.039489746,-0.09436035,-0.050750732,0.04559326,0.043395996,0.059570312,0.12475586,0.021820068,-0.04776001,0.03463745,0.0015516281,0.029769897,-0.034942627,-0.13269043,0.10308838,-0.021499634,-0.041503906,0.05999756,0.013671875,-0.01802063,-0.01638794,-0.064208984,-0.036468506,-0.097595215,-0.025894165,0.22692871,0.021392822,-0.0289917,-0.019805908,0.0027751923,0.068847656,-0.0004608631,0.004047394,0.036468506,-0.14868164,-0.15161133,-0.048980713,0.06427002,-0.1459961,0.06756592,-0.047454834,-0.18310547,0.00762558,0.08984375,-0.06161499,0.027191162,0.0602417,-0.020950317,-0.18457031,0.1003418,0.0022125244,0.03414917,-0.08996582,0.016708374,0.022537231,0.0947876,0.00907135,-0.1328125,0.090026855,-0.020370483,0.001376152,-0.06652832,0.1875,0.22753906,-0.022445679,0.16699219,0.0076560974,-0.18054199,0.08441162,0.14172363,-0.056396484,0.10266113,-0.073913574,0.04397583,-0.36450195,0.056152344,0.027542114,-0.093933105,0.023010254,-0.027252197,-0.027450562,-0.02230835,-0.011978149,-0.005542755,-0.16064453,0.032562256,-0.101745605,-0.05255127,-0.11065674,-0.07055664,0.03564453,0.0021762848,0.026321411,-0.053009033,0.037628174,-0.12536621,-0.017730713]
df9e35eb-55d9-95a2-1573-ed92f74d8e1e	1	[-0.052947998,-0.026123047,0.034301758,-0.08294678,-0.096069336,-0.044311523,-0.020690918,0.012779236,0.026931763,0.0047950745,0.15222168,0.1730957,-0.014831543,-0.08984375,0.036865234,0.08886719,0.018585205,-0.04748535,-0.0068740845,-0.07269287,-0.03543091,-0.014907837,0.032806396,-0.02154541,-0.06549072,0.11999512,-0.05239868,-0.01991272,-0.07171631,0.06591797,0.0046195984,0.034698486,-0.06359863,0.04055786,-0.013252258,-0.06329346,0.055603027,0.14648438,-0.08972168,-0.15185547,-0.03253174,0.06756592,-0.01651001,-0.05432129,0.030960083,0.048339844,-0.02357483,-0.12060547,-0.20263672,-0.099609375,-0.033416748,0.004714966,0.011558533,0.0051612854,-0.18493652,-0.030319214,0.08123779,-0.036621094,0.012023926,0.085998535,0.2512207,0.07446289,-0.01550293,0.017181396,0.14941406,-0.16210938,-0.08111572,-0.049865723,-0.072387695,-0.13867188,0.055358887,-0.08544922,0.026504517,-0.013977051,0.16564941,0.051116943,-0.12548828,-0.04220581,0.030532837,-0.21362305,0.053131104,0.08508301,0.010620117,-0.045196533,-0.030273438,0.0046691895,0.038269043,-0.04248047,0.027679443,-0.041229248,0.09442139,-0.14233398,-0.0418396,0.15185547,0.14147949,0.034057617,-0.07458496,-0.09753418,0.00957489,-0.0463562,-0.007797241,-0.037017822,-0.072265625,0.13317871,-0.0025959015,-0.30029297,0.047821045,-0.0236969,-0.09643555,0.086242676,-0.033691406,0.08886719,0.1508789,-0.068359375,-0.101501465,-0.055419922,0.05291748,-0.006088257,0.084106445,-0.15490723,-0.14343262,0.1538086,-0.0015087128,0.088256836,-0.026031494,0.10559082,0.10546875,0.07128906]
\.

--
-- Data for Name: images; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.images (image_id, space, sha256, mime, width, height, bytes, content, preview, metadata, created_at) FROM stdin;
05d9c288-2a73-4831-3437-66635f439638		\\x16cba38f0464dbf9716a03a757a2c85625e21ac3698804c97ebcf97e3b4f1a26	image/jpeg	256	256	11591	\N	\N	{}	2026-11-29 21:25:28.78306+00
96f123d8-d687-09c5-9659-6511938de5b2		\\xe17f9629d1d876ecabd95a8bd4a3785c6762e74a18f9494a2b802f42cb11d26d	image/jpeg	256	256	17097	\N	\N	{}	2026-11-29 21:25:28.78306+00
df9e35eb-55d9-95a2-1573-ed92f74d8e1e		\\x05f7e7caadd7329d277317c9206a213dd3d7a106b2147b43a210b8b5f00f8a28	image/jpeg	256	256	15824	\N	\N	{}	2026-11-29 21:25:28.78306+00
b4fd1032-e84c-c032-4025-bba747442578	tenant	\\xe17f9629d1d876ecabd95a8bd4a3785c6762e74a18f9494a2b802f42cb11d26d	image/jpeg	\N	\N	17097	\\xffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d1414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc00011080100010003012200021101031101ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000c03010002110311003f00fd052fb810064fde5c7f2a00278073f291eb9e94dda17d813d475a118b1041193cf18eddbf415dd63cdf3172c493d075f97fa7e14809c15e99e31fe7f1a5280e7903bf5ff3fe73402e1770053e84ff003a04292a7861d41c668527e65208e38f5edda98090368fc08edef4e6c903ae0f3f87ad2b0ed613208cededfc5d680aa0e06768e79a70cb7cbdce3e9fe7a5344ac5bf518e946e0d771a4aaf39c9ebdb1d29e41381924f4c8faf5a5ce704af00f5c5349c9271b8761b7934ec161c1542e07ca78c0e87fcf34de3a0c13d89edcfebff00d6a56cf3fc58ef9ff39a5dedc12393f2e403d2a4421073f28cb03d49c93481430006720f0bfd280564c11c67a73465c00029e7a11c7f9ffebd558685393b46ee4faf229db724e0e48249e3fcfbd336055c918c73cf3da9c1c48320f14806a8dc3ae149c74ebfe7d3e94eda482412d83d4fd3bd35b0582a90a0f04ff9efd2860477c153b463b9e39cd310839504100e09e7db1c53a31c7cbcf638f5ef415d849ea477c739ff0026937e7710df9d2e83d58fcb10000180e303ae2a2c1c72bd47af5ff3fe14f439500311cf2c0fe7de93e60e4e7703c83e9fe7142121026cec40f5c75e9fe0294819ce7279ea3afebcf4c504ee0dbb04e475e7b52e0743c9e98c719eff00ad31805030318ddd47f9ed4858bf1c01d47b1a52bc360fcc491c1fbd480018c1195ed4b400009dc7b601279ff39a0018efb5bd4707de9c738077027380453546483b40007f08ff003ef479a15c186ef977657818fe79a729c2105b20f3b5877ff1a4c306cfa750075ff3cd302e0065c8079e4f3da8b6a3b0e258b119e33cf4cfb74a785c9ce7af638c9a4c73c65940e79f5fff005d2718ea14f7ea4501d455cbb91bb1c0078ce38f5ffebd2636e7a71ce7b5398155c16dc1ba83c53b68098c9049033d3b7ad1b00cc641c6011d4fff00aa9a0314db8c64004faf34fda42f39f404d0380464e09e8290c429b79da4918fbdc67d2936600e833c8c601fc3f952ab15c9208278c8fc69c3271c0f65cf4fcaab50b683594edc1e491c71f85261b7f51b8640e79fc6a53b829e4727a83fe73eb4c7cee18e383d3aff009e2a56a1710c61c146c119e78ebda9bd4925ba73c7435215208e49cf703af5ff00eb52e0b638f6c63145ec2236404151d49ce73d28eadf3f2c7a93de9cbbf7e093b8f65f43da94a2edebc9e703ae453bd98f71a0f1d472319cd3589df919c8e9df352b316001ea30403ed48c01e9c714262f5230ccc770071d403de9d90495cfca7d0ff9f4a5e0127bf3cf427fcf14a76bbe4b7539e4f268ea1d08ff0080e07cd9e9d8529ca92305703d7a114e8c1c807039cf5f6e2942ed5c120a0f7a1bee31acac368000239c1c763dff004a370033b8f24e29540031838233bba638a42146d2a7a93c93fe7d05170000ff007b7e7a01488800076aafd29ea178520363919eb427048cab0f4a2fdc06ecf994e7af504e3814817e60a4ef3d33d075ef4e1c375c939f7c81fe4d229f71ee7807f5a105983a365954e7d4e3af34a1b713ce57ae3a7e39a463bbf873c77e2918649381907a9eff008502e9a8e65230e729c63a719a439c16e32dcd394039e7209cf3d3eb4dc83d467a824d1b95a86d2bd0818ea49a40065b2300741d7b76fce9c1bcb23076f14a30e3247ca4f53fe7e945c9771001c6e2a17b1c76e7ad2797b5b24f4e319a509841924e78ce3f97a522633c9cfd78cf383c51ba0dc179c1e0727a0ed48ec08396217b9ef4fc10703f2ede94a7920e48c0e39efd3f1fa52dc6ecb543776cfba78c608c71f9fbd0ff0037ae17819a55001cf25bb63a77a14f048183e87a1a63b5c42773e0907072053b66dc8fd31f874a427e4036aeee4d2ca02c698ee3918ed522bdc6e01ce0700e73e9fe7de936ed2dddba13cf3fe7d29fb430f940caf50471ff00d6ff00eb5000f947739240ec29ec3b0d1831e4918f43cf7f4a739c1f9f97e78e94004e7039f4ddfa521dabd32c07638c8f4a3a858118955209f4e9ce3fad19c92dfc38e49fe5432e49c32b2f7c8cfe34bb795382a471f7718a057d04fbdb780727014f6a4c860480707900f6e69e47eec0e8c3d07142654646101e873fce8dc6351583f00e7ab1cf6ff38a1576c790c0953c934adc818ec0fca3a7f9ff001a551bce73f2f639fe94ee042170c30d90474cfd6a4624312d8c1e38f6ed4922ed248c60f438c0fce9f8df8c0c1c75c7bd20b0dfbd216653f3771dbfc2855590fccbd0e3f1a5da010400338e48fa71d283182cdc125b8e7d3ebde80f2198dac39183ebef40de48ced53d7239cd49c03b4e3a76eb4050c546d23d067a63de95c4d8c009191d31ec327fc282f87e00caf00e71934e933ea4739e839a450777041c8e703b678eb4d8ec1925587014f0682493819cfa71c7bd2795b73fde3ce2970d92dc6eed919fc39a7b0ac00aa9c0da4938cf5cf1ff00d6a036e18c9008e07279e9fe34ef2f0c4e5707d0641fc2908dc7279030381ef4ae3f51a474e9b8f7cf34023680707b6df5f6a90e5f3c658fe5f8d33fd59c64138a4aec3600cbb18e0f18c91c6686c8c020f07ad018038031f51c134300a9b8900f42323154215df27255803ce07f3e2940241072cb91c7a50400b9cfb104629e483f2952472303bd480c18239da7f2ff003fe453558100f078ebd47f3ff3cd2924b6dc1c6320934e276b288f0c3a31ce334218052c78c73f8e7fce0523a12189c96ed9ed4ad9dc030fbdc9cf1cfad21e1700f4c6303914b505614038382016f4e83f5fe94637303c1cfb678ff3fd680a41077741f364679feb422e5ceeced3918ebedd7fcf4a18add436ef239c9033ec6863f2e42e411800535320b61800c7b8fd4d2fa1c1c0fe134c341ad904923233d07d3b5485890319dad9e5bd3bd05865064119ee71f4fe74d0007c3281ce7af6f7a40d0395e180c10782bd69231cfb1c0f94f4a7b028c0a2aa92303d3af5ff003eb48430624920919eb8a698fd0466c28c1cb7a0a368c20700e4f6ff003f4a507200ea0e38ff00228180c7fbdd803d3eb421580404905860fb73e99a5c6d6cee2a4f418ff3e94cc799d4f6c63a8a5dbf26dc6d1ee738a43434f28c5460820e33c9ff0038a790481ce38c73dbfcf14873b48c11ce016ef41c60e472303ad00180a41fe1e84fe14a50939fbaa4f73cd2a20381ce0f41cf4cd33237302bd3a67eb8a682c29cabf009ee093fad1f305ca8fe1edfad394fce08c631934dc1503a93ee3346c1610c7bc67685607aeee69c98521701b23818200ebfe141219872727b67bd0ac0f4233dcf4fd68e816b88369db9fe78cff9feb40c91ce700f4fe74e6c290c46091d339cd302ecce7243648f6ff3fd695ee16173918e0b83ec693683b57eefd074fa8a71214e707a60007f97e94636b1ce369c64fd69ec090d2001c11b88c0e7afad0ec23c90013c1ebcf5a7ed1b89ce77367bf349cee2777cdd463fa7f3a00c9f17f88e3f07f84359d6e7864b9834cb19ef9e142033ac71b39504f00900f5e2be73d2adfe3078a3c1d078facbc6cb06b1770aea563e198ed54e9ed0300e96ec48dc58a37deeb9239c8dc3dbfe35923e0c78f30718f0fdfb00471ff1ef27ebfe7bd73bf07588f843e08ec0e8762064f07fd1e3fd2bf1bf1133bc7e4d4f0d2c14f96f277f3b7467d264f86a588e7f68ae75ff000cfc669f113c09e1ff00122db3d91d4ad5277b72dbbcb7230ca08ea370383c6460e074aea02819c121b1c0cf1d7f5af06fd9dbe2cf81f46f827e0eb3d4bc6be1fd3efa0b2549adaeb5586392360589054b820fd6bd18fc6df87382078fbc3383d01d66dba7fdf75facd2ad09d38b9495ecba9e04e0d49a4b4399f8d9afeb936b5e13f05683aa9d067f111b996eb548f99e182dc46ce90e78123f9800623e5018f5ac0f0bc1affc1ef1d787b4bbbf13ea9e28f09f88276b0dfafdc7da6f2cef4472491959001ba39046ca411f2900e79358ff00137c75e1af12fc72f8397ba3f88747d6d2d67d4e09a3d32f62b878da7b6558c95463852411935d37c58c45a97c3bbb738860f16596fc727f791cd0afd7e7953f33e95f8d6779de3f09c5f85c2d2ab6a32514d74776d3fd0fa4c361a94f2f9ca51f795fd4f6a28c4b1ebc703afe14d7daa393c63208cf3fe734f0b85391f2fae39148141560077ea7f21fd6bf6fd4f96bf5114e17a16c773fc5c7ff00ae936ae3246e27a9ce334e2b8c16c31c938e47f9ef415048c703b907f2a360b89b4020e3db9e9fe450371e8fd39e31d290e5472c4103380a7a678a76d3271d415eb400ac9b41031d7a019c1fa579178a3f6b0f849e0af17dc786359f1a58d86b7092b341e54af1c4c0728d2a218d5c6082a5810782013cfae46a11c03bb04e06de322bf15be25fc23f18fc36f166b7a5f89341d49e5b79e69e4d50d9bb417516e245c075054ab0049e485c104820819ca4e2cecc3d18d5e672bbb5b45bff004bf53f65bc3de2ad0fc5f602f344d62c35bb32b833e9f7297087fe04a48ad409f2907bf4ebc7e35f84da35e4ba36a116aba0dfdce957b0b0115e69b3b413447afcaca4107b8e9d2befdfd803f685f1678e35ed6bc0be2ed4eebc43241a68d574fd4aed8bce912c8b0c914ae799325d181249e1f24e46254f549f5369e0df2ca506f45769ab697b7e6cfb642804060178ec7da95b382a769c74dbde9dc1765ce39ce09f6e4fe55f34788bfe0a15f09bc3fe2abbd17cdd67528ad99a37d4ec34ff0032d0c8a486552583b1c8237042a78c310735a3924f538a14e751fbaae7d2eea760c9c73c9dc3069ac190638007707b7d6bc0b49fdbc3e08eaa2d95bc60f613ca7062bdd32ee3f2cfa33f965074ebbb1ef5e8fe02f8dbe03f8977335b785fc5ba5ebb7508def6f6d720ca17d761c123dc0c51ccafbea3952ab0f7a5076f43b60b841db1c00001ff00eba72a61c962761cf26829b5579c103193d40e69071821b7638cf4fad357665e60cbc0c9c7b1ff000a42a10ed04e738e0f3c7ad38900671f39e3d69382003d073cf6a6248085da7823dc9ebeb4d6c0fbca4b119c11c1a70382587fba79eb8fa528f9bb718c1c76a3d42c3704280bc1c60b74fc7f3a43866db9247b0ff3da9cd819cf001e474ff3d29540273f781fbb8e940d0d0bc81b8313e98fcbfcfb5204e7ef6e21781b7fcfbd488a5482c541f4ddd2936e5bbb12792451715c632fce0163b47d29c07381c283b47cb9cfe34ac3209383cf27041fad21f97eee4e3a01de81dee705f1fb528f4cf827e3b9a5591e36d1aea10100cee785a31f865813ed9eb58bf0f54785fe11f86d6f1b8d3b42b512b42770212dd7715e99e86adfed3bff002413c6db4818d3dbf0f9978aa91a33fc2711aa0919b42daa00eff67e07d6bf9f7c557cd2c1d37b36ff0043eb7225eed4923cd61f8dff000d2ea38a587c23a8cf1ba86474f0e16560470410b820faf4a7afc6af87581ff1476a801e39f0e367b7fb35d47c29fda0bc13e1df85fe10d1f52bed4a0d42c347b4b6b88bfb16fdf64890a23296580838208c8241c71daba61fb4bfc3c03e5d4b5124741fd837ff009ffa8fc6bbe3c0b9138a6f1b2ffc0e244b34c52ba54bf06703e1bf8c9f0f6ffc4da569967e1ebcd3b52be9c436b25ce866dc07c13c3903b66ba1f8cadbadfc123923fe12fd20f0383fe94b5c97c5bf8a3e1ef1ff008a3e194de189aff52beb1f12dbf9b0c9a4ddc0a904aa63790bc912afca4af7efec6baef8e8c6cfc21a76aab87974ad774bbd587a09196f611b4fa0f9ff004af83c7e5384c8f893034f0951ce0e50776d3d79add3e47a946bd4c4e12a3a91b3b3d36e87b6e02e4eec0031c8e9fe7d290b9663c7f08e9f5ff229f9dcb8037024e00e31fe7d688d01519edd00ff003f4afeafbdf53e0866cc9c8040c77e9410c015192bd723ad388206003f99ebd7fcfe1498dbc0c33638c1a040bb72072c33c0cd204084230c927a119e7d2a409b5b1900b740727155751bfb4d26c2e2f6fee60b4b3810bcd7370e238a350392cc78007a9a571dee4caa30080571d56b1fc65e2ad2fc07e15d57c41abcc2df4bd2ed64bbb97e3705404e1477638c01dc903bd784ebdfb7a7c31d2fc416fa569efa96b7e71ca6a96902a580e87265761c6495caa9019583600cd7827ed29fb6568df1e3c0507833c2fa1ebda5437d771cdaa5c6af1451a35ac799044be5caf9dce2307380003d73c72d5c552a716f99687d060322c7636b53a71a52b4da57b3b6af73e7f7d4ee7c45a8eade21d5155351d6ef26d52e931f2abcae5caf3d0282001dabe9dfd89be29fc1ff00875e0abed5b5af16e95a778b75cbe75992ef7472dbdb46de5c10e48da148065247199393f28c7cce54e7b15f7e78ac9bbd4f468eededefa5b55b8c73e70038c646491d306be37098c952ab2aae3ccdfe07f4ae7fc394b1f97d1c02aea9538596a97bd65a2bb6bcddbaee7ead27c5cf86fe33b3bed26c3e20f872ee4b8b691643a6eb56cf34685769750ae718dc304f4247ae2bf277e24fc19d7fe13f8a6cb42d485a5f417bbce9faa69f751cd6f790236d32aed62579072ac010411ee5bf61f0c5fc67645a64815b27c9283f322aee9da0e9ba65ebdd5adaac0eebb770662b8c8f7c0e83915ead4cdfdd768352e87c260fc3a6aaae6c44674aeb992bdecbb58e56f7c337d646de208f7d7133144b7b5579657c2963850327001cfa57a5fec8fe0ef15f883f684f095cf87ec6fed9f46d4d64d4efbeccea96b02eef3e295b1843227991053c92f5eedfb01e91a56abf1afc517da8ba1d6b4ad2633a45bb7f1452b95b99c7a153e4a67d25f7afd0320851b805ddc67fc7e95ebe0e756b508cea35767e75c474f0796667570983a6d2869abeb6d5edaaec34ae57382013f7bdb9a48f69ca92c013c6569ea06f3cf27b7d7fcff2a31f3e1471dbd78fa57a27c4dee260ed381c1fe23d31da91831cf0072324f7a77cb9565ea3afb50c55b24e47a631c9ff003de907a0d54c6307f1f5349c100edc953d08a7300a24239278208fea29d8cb60120707d8d036ee34b82a49201e7e6a453b83046e7a039c7f3a06002b8001ebc77ffebd0ae48c6dddee4e053b086042bf310c4e3b0ef52a0c80768c8e0f19e7fad0b80c40c0c7718a42a4aa82a41008cfad36fa03f31159474ea0718ef49b7a9e4123a6707f2a90b6080c3014fdd14de8003f2f6c8e7f97bd24c763ccbf69cc7fc283f1b90d9034f618cf7c8ef46937e746f875637e504de46951ce23ced0db610719c719c527ed3bfbaf803e35dfc8360c0b76fbcb50d9da4fa8fc2d82d21532cf368cb1471e42ee73000073c75f5e2bf9ebc5549d4c1a96def5ff0003eb722bf2d4f91c3e89f13fe2a788f46b0d5f4df8366e74ebfb78eeeda6ff0084a6d577c4e8191b0541190470707d455f1e35f8c0463fe14a7073cffc25567ffc4f4ff0a9bc03e3cf1cf837c09e1cd0a6f855a95c4ba569d6d6324cbacd80591a28d632c079bc025735be9f187c699ddff0a9b53e060675ad3c1ffd1bcd76ac8b80795375e17ffafaff00cccde2b35e907f71c55efc61f1d786b57f0ec7e2bf85dfd81a7eb1aac1a425f0f105bdd14965271f246993c063d86075f5e83e3f6dff00856176090a7fb434cce4f5ff004fb7ae6fe2e6a7e3af89fa3e896307c37bdd1ee2c759b4d523be9f56b271118dc92c02cb9276b376ae83f689dd1fc13f14ca0e1ededd678d81fbb22488e8c3dc32a9fc2bf3fce70992e5f9d605e4d352a7cd16ed2e6d54979bb1eb61a788ad87a9f5856767d2dd0f730081c96cf6206280a09ca9391c75e3f4a0b03caf51d71cfe54024f39cf5380726bfadcf80d4188e49047b1e339e3ad348c636b1ce32d9ebef5204e085381ee69aa013c1c0073c7e94798b539cf889e3ad2fe1af82f57f136ac66365a6c0f70d1c11b49249b549daaaa09e71c9e8a012700123f2cfe3b7ed1be2afda0af9bfb5de4d23c36162787c3b0cbba049028dcd2360195b79620b0c28c606735f417fc146be24c726bbe15f02db5d5e41796613c4127d9d8794e773c718723e65742a59719ceee40f94d7cff00fb387c1a87e3dfc5db4f0dea3713c7a3db40daaeaccac43cd023aa8883750d23b81d410a188e4578d8aab3a95150a67e9fc3b81c360f053cdf191e6b7c29ff0096d7671de00f865e34f8aa5e2f037856fbc490c3279325cdbed86d629300843339081b041c67a63d6a1f0c5acaf0cd2dcc2b15c2ccf061645917e43838238237679048f9783835fa5dfb4ef8cacbe047ece7a8daf872d20d226bb8d341d1ad6d13ca48649830dc8178529109641ee833d6bf3823b77d3ac61b3b085ae2e06c82dade304b4b2b10b1a81d4966207d4d791985185051a50d64cfd1783f34c56693af98626d0a34d68add776efe48acda92ff006b18b7968c8f2ca83c67279f6ae8bc19e33ff8553f10f45f197d9c5de9b0482d759b028244bcb0761bd593a3156daea0ff001229fe115eadfb4efec8d6bf02fe1ff863c4fa3df35c4ede4699afa48d98e6bb2848ba8c1c6d0ce0a9519fbc87190c4f87584b16af62d1ccbe602a62954ff10e9fa8ae4ab4a797d58c9743dcc063f0dc5f9756a2d594af6bf47d3f47f79f5efede3aaf80b4ef871e1ed1fc3de1bf0e5cf88bc5855ec7548b4d81a5b5b05db2493c6fb495dd9455e990ce41cad7c777da85bf85ecace311911991218d23e481f4ef800f6fe7469d6dab4b711b6b1a84da91d36d134bd34cedbbc8b34259117d00321e3b565eb532dcdfbc9921215da9213c63f8b047aff415b62ebc7195d25f0afc4e3e1dca6af0ee59273d2b547d75b24ffcb5ecdd8eb74df13f883c07ad597897c2ba9be8daed8093cab98a249311ba14756491595c1073f30382011c8046d5a7ed4ff17ad35137cdf103539a73bdb64c909837b03f3088205c0272171b780082383c3f873571abda4b1491c90cb16c1b665c332328647e7b329047a8f635ecff00b2e7ecb5e0ff008ef69e2ab0d4fc4de21d23c51a44eb244969751981ed241f2486378cb36d65756c3e3eef4c8cd60bdb733c3a959ad6c63c4ffd951a31ce2ad055233d1b5afa7eabd51d9fc2dff8283f8a7c3d3e9f65e3bd323f1459cae126d5ac912d2e60ced50de50c4720e0b1e53ef9c602f3f6f7c37f89de16f8bbe1d4d7fc27ac5beada73929279671242fde3910fcc8e320e180e30790413f98ffb407ecc1e2cfd9dae23bbbeb81e21f09dc4ab0c1aec11f9662918b6239e2dc4a9217ef72a7239cf0343f652f8f7aa7c1ff899e1fd2da6b787c23acdf791aa20b38d5dda50b1c5234c177911bed2013801a403ef135edd1c4d5a753d957fbcfcb731c9b038dc13cc7287f0ef1febaff5d0fd5253f56fc3dc1ffeb549b7e5031bbd38eb4d7cafddcf3de868894259874e0839c9af60fcd00e1c925771e71c76eb4138246ece7ef1e7a51b4ae3191d4e377bf5a45f9173b78e9cff002a431002a796cf1ebd71eb4302b8006173d7f5a087116d55183faff9c53a3421b071bbafad04d9f418bd064903dbd3fcf14f00e777539ebda8f3000369200f7cfa71485780c067380bc67d734058463fc2a3a74e7fa5290d927a6070a3b51b467ee81c606070450a0b0c8f6c123de81d8f19fdb19de2fd9bfc646291a27db68a4c670486bb85594fb1048f706b6fc6bad1f06780b5cd56ceda1dda4e9b3dd416ec31113144cca840c7cbf28181583fb682affc33578c17818fb18e01c7fc7e419eb5bde3ed0eebc51e06f1168b6ce8977a8e9b73670c93b108af244c8a5b00f1923900fb57f3bf8a3caf1b81553e1f7afe978dcfafc92fecaa72efff0000e1f4bb4f8fdabe93677911f86c91dcc31cd1acbfda190aca186719ec79ab0fa1fed09bc9f33e198627a93a871fa55fd1757f8bfa3e9561a7ae97e0978ed604803b6a3780b0540b9e20f6abc3c4df1859081a3f8239ff00a895e7383ff5eff4af4a31f0fedab87fe4c64de6b7d2ff0081c0f8efc4ff001a3e18e936dad78823f014fa49bdb7b59c69cb7ad2a2c9205ddf395518f5278e3ad755fb44465fe09f8c711b17fb03121739201073f903589f16740f8adf16fc05a9f84efad3c1da6da6a061125d5bdfddbc881264978530e3aa0183eb5d97c617c7c23f1c00778fec2bee33dbecef5f9e7113c8a9e61839e46d38dfdeb5f7528db7f99eb613eb3ec6a2c4efd0f5b89e3754914868dd770d841c8228dc781c6d3d8ff8563782829f05e8192549d3edf19ffae6beb5b84e71bbef75e0e3e98afeb74ee93b1f04d741b8e40231fe7a7e94e030170bd72303a7f9e941049207a7719c534367ee838e3af7a7a92cfcc4fdbd34c9e0fda5afaea5f29219f4ab45881993cc214104f97bb7019046e23048eb5e83ff0004cc7b4ff84cbe23c737fc849acf4f6b73b492610d3f9b83d07cc62e0f278c7435dc7fc1407e0ddef88ec743f1a787fc373788b57876e8f77e4891e4b7b662ec92a468403b646e4bee0372f18c9af8d7e0dfc55d4fe0a7c48d37c63a5422f16047b6bed3f7ec5bdb67c6e8f77f09042ba9e81957208af0ea3f618be79eccfd67070966fc392c261fe3874efadff13ed1ff008285f80f5fd7741f05f89b4bb39f51d1bc3b35d1d56ded94bb46b3246b1dc141924214604e0950e4f4dc4785fec79f0eef3e277c69f0f6bb169e6f7c21e1c99efeeefe642b0b5c84616d1c64e37bac856438c85f2c679c67eedf82ff001e7c1bf1dbc3a9a8f867514fb4aa8fb5e9973f25dda3e14b2c919e700b01bc6549e84d6ff8cfe26784be1e40d3f897c49a4787d0a6f5fb7de2445970c7e55272c4ed6c050738207435db3c253a95d625bd57dc7cce178871d81caeae4b0824a6dddebccafbaf9d8f13ff008281ea16d07ecd3ab5bc902cb7179a8d8c16d236dcc720b8490bae79cec8e41c73863db35f9aad7b75656f3cb6f048f127cb23c685962ddc216ec0670067192d8e7803dbbf6aefda3a3fda17c6ba6ae88d750f82b468dbec69700a35edcbe77dc329e802e11037206f3c6f22b4bf622f81b61f183e24eb57de26d1e3d4bc2fa1d8989a1ba43e5cb7570bb53193c948fcc60c39526361b4ed35c155c3138a504ae91f5996bab9064553113938549bf77babab23e78d0754bbb9d44c0d34b2a4ca55be724af07e604f4c62b72ebc3314f03a473bc6700ee203e067b82307d306beb6fda7ff0062df0d7c39f85f71e24f879a2eada86b569790efb317135cb081df637968ac0b32b327277e1436473b97e37bcb896c6fede3bfbdbbb6b48aea3fb74968eb248b16e02429d4160a4903a6457363e84bdbc5d2f76e7bfc239ad19e575a18ce6aae2dbb37af2b4ae95ddfa5ceab5bd4359f1478aa2d7759d46daeef12ca3b17fb3d8456a1e38c6231b620a8a5576a0da806d5518cf27a1f86bf14aebe06fc49d1fc75690c9756d680da6a9670b006e6ce4c0751d8956549141206e419c0cd7bc7fc3bbb5fd434a8352d03e2ddaea76f72a93dafdab4211c7242c372b79892b13f2918f979cf6abde13ff8274eb77baddaa78dbc5f6179e1a8a512dc5a6916d247717a060888b9388d492725727030305b222382c62af1ab269b5d4d711c53c33532aad97d184a3069da367bf4b5dbb6be87d6be3df0ae99f18be166b3a2b470dfe9faee9c7c83382abb9977c327232a55f63838c82a0f515f8e9a4e9b77aba8b45d226d42ef6b23e9ed0c84b32f0caca855861bae08c62bf62fe29fc42d1be08fc36d57c51a84022d3348b71e55a5b80a643c2450a0e809255471819f6afc6b8675b481a6d4e7b8b81b4bdcc88fba576639660c7a92c7bf5f5eb5e86636f73b9f19c16a6e189bff000edf8ebfa1fb0bf00bc47ab78afe0cf84f51d7d1a2d75ec561bcdce242668c98ddb209cee29bb39ef5e82102b738cf3d3afd2bcfbe00f8023f859f06fc29e18851e11636799239c01223c8c65757c1237069181238272401d2bd0431cb2f04f7cd7b2b6573f34ab67525cbb5d805dbdce49c67d0e7ad35d18b73b9864fcd428daf903e6e84e6954a962324838391df8ff3f9551903200bdf38e49ebfe7fc28183b73cf65f7ff003fd68dd8704004e79c52ede7e62727a9c629086a8dcb8c73c1e4f4a527ae32a7a8e3834b8538ebc81dbf2c50992e060e48f4a7bea3b08140c01c9e8474fc714f0a19f83d39ce383ed4d65f9970092c3383da917682412460e319e9480f17fdb3541fd9afc624640cd9618e78ff004c83f1ad4f899aa5de89f0d3c59a8d94c6def6cf49bb9e09540ca4890b329e78e081d457ce1f1c50df7c3bbbd3e3e27bfbab6b58598fc8ae674233e83e5ec09afa7fc57a0c7e2bf0d6b3a24f23dbc5a959cd68f2a004a0923284807b80735fcfde2c46187cc30319bba49b7a74e68ff91f45c3588962b0d567cb6d6dbdfa1c1683f01fc57ac683a6dfbfc5cf12c4f756d14f8f2a2c02c81881c76cf7f4abc7f675f146493f17fc4f923fe78c3d3f2ae6edbf67fd6ac608ade1f887a92c31a88d17fb36d09000e07fabf4f5a907c06d757a7c46d45b1c6574bb4e4f1d3e4fa57a2b89780edad1ff00ca5ff049784ceba5bff037ff00c8943e307c30f1c7c2ff00873adf8ab4cf8a7aeea37ba524770b69770c3e53012286ce41070a58e31c90077af45f8858f127c22f131b2cb0bfd0ae8c258e0fcf6edb73e9f78579eeb5fb36ea9e21d36e74fbff00883a95c59dc295963fecfb552c38e32aa08eddebd375cd3174bf87ba85947234896da5490ac8d8cb058b19fd2bf37e2bcd322c7e230b3c923cbcafdef7397aab7afde7b79751c65384e38bebb6b7fd11d87c34bf8f57f871e17bdb73badeeb49b59e3dd1e18ab44a41e7d8d746c0904365b9c1ee3debe38f877c7803c324f046976bcf7ff54a2ba3395209273d300e7fc9afec9a382e6a71939745d3fe09f9255cdd42728fb3d9f7ff00807d47c9182013d0000e734a54e72467bff3e82be5a55da8791f5071fe7b52070e3272067bf7ad7ea1fdefc3fe091fdb36d3d9fe3ff00fa8350b1b7bfb3b8b3bdb78aead278cc335bcf1ef8e5461865653f78107041ec6bf397f682fd877c4be08f16df6a9e00d31b58f03dc879e2b1b72f2dde9ac13718bcb00b4a8cc31195c9190ad8c6e3ef65c1c28381c0dc793fe738a920469a458c1501b8e7807ea7fcf4ac2b6551af1e59cbf0ff827a996f166272badedb0f1d7aa6f47eba1f9ada96996974ccd750aa4a92b427cd0c8c1d71b90f43b864641e9919a8a6d274cd16e2549ede3b59a225248ae49dc8e382a55f90411d3ae6bf47b5ff859a078a595f58d1b45d5240a5566bdb7495941f4665c8e83a7f4aa6bf093c2ba3dcff68dbf873428eec1ddf6886ca313163c925b6ee249c64e6bc9fec19fc2aae87e81ff00112a835cf3c0ae7ef75f9dae7cc7f01ff660f13fc6ed425492c2f343f0db5bc7247e27744312b36c602342c3cf0d1ef1f27dc629b88c156fd39f01f81b4cf86fe10d2fc37a3f9c6c34e804111b994cb2b8031b9d8f5240f600000000003e7b6e3e6190aa7247a547bc023396e0f03b57ab4328850568cbf0ff00827c3e69c6389cde6a55e164b649e8bf03e94f11f86f4ff15f87f53d0f5483ed5a6ea56d25adc42c3efc4ea55867d707af51dabf277f680f80f7dfb3bf8b2dbc3f7097775a34f0a9d3f58b80365f1007980051f23213b4c6492000d921863ecfc608404b6d3938efedef583e3af0268df11b417d335ab31736e7e68e4071241210409236c7cac3279e7dc11c56789ca1578594b5e9a1b647c613c9f14aafb3bc1e9257e9f76e7cd7fb3f7ed5de30fd9f58e9d1c67c53e0f6e9a1de5c18ded09ef6f290db064e4a1050f38c162d5f408ff829d68ceafe5fc39d6cc801c235e44a09ec338e39f6e3d3b578978d7f652d4ed26b9baf0c6a36f776f9fdce9d77ba37505bee89496dd8049c900923deb8db1fd9e7c7edaedb5a5de8290d94b3a2dc5fc57f03a4519237b852c18ed049236e4e0e335e0fb0cc687eef92fe7b9fa64b17c219ab78a75bd9b7ab8bbc7f0b5afe97f227f8cffb4578e7f688d5a0835a54b1d1229835878774ddcf1897a2bcad8dd2c9ce07f08e4aa824e7b2fd8f7f676b8f8cbe31d3fc4b3cb341e1bf0f6a6925dee84ac77aca859628a407e621c289148002b0f9b2714be10fd9167967b5b8f15eb7e5c68c5df4ad25586f3c6ddd70769c71c8541fef77afa46c2d2d74d8a3b7b6b64b7b60c5bcb886149272c7ea49249ea4e4f535dd85ca6b559fb7c4bb3edb9f3d9cf1965d82c33cb72485e2f796abeebabbbf73eab55f99b8273c0ddd3e94a432e3be7db1ef5f35fdb74f618368d8ff00ae87069ad7763b866d5f23a8f30f1fad7b6b03fdefc3fe09f997f6bff73f1ff807d2e7e67e9d0e39f4a4c155dadfc233cfe35f349bcd34038b46038cfce7a7e754a69d1a6729954dc700f24727147d43fbdf87fc1079cf6a7f8ffc03ea43c1caf18ec41e4e7bd348241e320b0ed815f2d170a323ae68560738c71dba1a7f50b7dafc3fe08bfb63fe9dfe3ff00fa959373b1c2fbfff00aa955491f3751d4f38e3fc9af969c8048ce467a9e73eb4a4e7939e4751c8e868fa87f7ff0000fed9e9ecff001ff807d4a4329cf00fa2f18a68c65481b4670057cb636f4cf1d8018edc0a5562170bc83c01d80cd1f50fef7e1ff043fb67fe9dfe3ff00e07e2fe7fb0f4a1d586b36783d3fe5aad7bafc77d46ef45f837e28bed3ef27b1bc86c99a2b9b690c5246770e5581041fa5785fc58b1bcbcf0a24d656cd76f637705eb409feb1d2370c42fa9c738febc5745f183e3ff0086be22fc376f0ef842e9f59d7bc471ac096888cad688486769f8c2ed008e09e7a64026bf03f12b2dc56373ecbdd1a4e71d13b2baf896ff0023ecb857114a9e5d579a4959b6fee39a1f08b4c230755d7b23072754973fce957e1269409ceabaf3e4600fed497db92735da364ae1792474ebf9508e1ce3f8b1d3ad7ef9fd8b972ff98787fe028fcebfb4f1affe5f4bef679b78b3e1cc1a0f86757d574fd6b5eb6bfb1b496e6ddc6ab2fcae885c1ebfecf5afa73c1971378d3e1568735dc8f1cdab689034b26771065814b1e7927e626bc77c41a6aeb7e1fd4f4d76645bdb692d99c73b43295c8e3dea6f067ed1fe1ff047c3ed27c39a9d8dfc7e30d26ca2d393428eddddeede3454578a50a5363e33927801b86c0cfe0de2970fce50c24f2cc36b769f22eba5af6fccfd0b8533173556389ab77beafa7ccc4f85d7a6f3e1c786e5db8db63145907b28d9fc947e75d57562dc000d735f0fb449bc3de0dd1f4eba016eedad95250390adc9c7e19c66ba10df31c618f703fc2bfa230d19468414b7497e47e65897175a6e3b36ff0032e1b0ba1c9b69bdfe43907f2a1ecee464086520f04ec3d28fed9bd0db45c3e0f3ce3a535758bb620fda1c75e077eb5bd998e830868a4daf1b447ef00c08273d05459058e48393938ce314935dc97321791cbc9d393fa53720852a3033ce7bd55857d49065b87e8300e7d3a64d3b715e0818e3a8ed516ff2c9e0ae3b67fcfbd26f0b8c118ea7d295ae1ea4acf93b893b8fa7e74267774f948ea0e48fad47c951f3631cfa1a5385ce17807f1fad3d807166dbce33d4f39a180dc7715c63a1aab777d6fa7c065b89a2b5841c1925708a38f5247a56543e33d3f50205826a5a9465820b9b0d32e6781cf4e2548cc647beec73d6b8f118cc36112788a91827fccd2fccde8e1eb57fe141cbd15ff23a07933f37181fde19c8a566de79009cf5c7f9ff0022b9887c79a546f0c37eb7da0b4ee638bfb62ca5b3595bd11a455563ec093cf4adfb3916f6159ad5d6e223d1e1f993d08c8fc45561f134315053c3cd49774d3fc855a855a0f96ac5c5f9ab1603312eac467af07bf34c386607dfb0f534e3048460c5273e88703f1a4689c28668dc0519c6315d3d4cac0491938e1ba73824fa7f3a701b89e32f8e73fcb9a8832c80839fcb9ab36535ac45fed1034a188da32571eb402d59099370c6073c038c0a010abcae491ceead037ba613cd94a493c9321ebf9d57b9bbb0920658ad1a19baabb39c638ed9fa8a2fe416f3200c360031904707d69b9651f2e300f61ef4dde49249057dfad2641c60607a11d298ae3f240ce4a8e474a0b92dd3770298bb3a60738ea3a7f8d1bf03a02060f1cff9ff003e9407912ee121620efc767ff3fad0a73cf738e738e3a1a8c1073939231db8fce90383923233d7d2906b7180e5f9cede99e83bd5582ced6da49658a08e1924277c91c603124e724f7e95286cee04647afa7d280e37820e48ea739aa6bb893b6c4a09f9b90e84e41f5ff39a40ce57dbd31cd30c87fbbbb9e73f4a69930704633c7b638a560e84d2c98039f973c8eb5a50dce96b02068ae4b8500918c67db9fad64139caf3d79c63bfff00ae937614618310390286ae1748d9171a3a63f7570d8e4e48e9e9d7eb54af65b7690adb0758bd241ce6aa2beddc58633ce69819b66ee493ce08c51cbd46db64c01dc4337193d4647e5412b8e7696ce376783f8f7a63379601518c773e8681f2af24e3a819c67ffad55e62dc90b839c000f40a4ff9ff00268e000c06debc77fd2a277f5f9b1c019e6973f292303dbda8482f6240709c101c738ec0f6a0c8c8c3ae1ba9c7b5420b03bbaf18186e738a50e42f7e48e31914587ea49bbe625b6f0704f735475dd7ad3c3da5cb7f7b2ec8531f757733313854551cb3331c003d6ad96de0618a8e9c8ff3fe4d60dea8d5be24781f4a95636b513dcea722ba8605a08f098cf421e55607fd9fa578b9ce62b29cbabe3dabfb38b76f3e9f89e865d84faee2e9e1af6e676febe4765f0f7e14ff006cdc45a8f882c20bed76e72d1c1738962d3e339c4681970182fdf7c649dc01db803d3b5bf0d5cf87c46f2b248927461d8e338208ff0038a7f84350874dd66379f0b13ab2f984f0a4f7fd315b9e3dd5edee6d22b28dd269bcc1236c3f740040cfd777af6e6bf8bf135239c60f1199e3eb735772d2ef6dac92edf925e4cfdea953faa4a187a10b412385b8b586ea268a7892781fefa4aa1908f423bf4e9ef5e7be26f04cfe0b8351f10f82e27b5be5067bad12155306a1b725b6a953e5ca724864ea70195bb7a32fca32497e40e9c529193dce315f3d966698cca3131c4e0ea38c976d9f935d53f33af1185a58ba6e9568dd33ceb45f1acfae69569a8da5d16b7bb85668c98d4361b0c0918e0f3f855d935dbd911e379f0854a91b579ec474ff003fad715a2c5fd8fe37f1ae88017860bf5be8727a47711ab90073c0904bdfd7000005741e610bf330520e0e4ff9f4afef4ca71b0cd701471d05655229fdff00f04fe78c7e1e582c4d4c3b7f0bb7f5f22646cae725803cfa7d7f5a4dcdb946eee3bf14cdc72015208e0807ad0240d8c95600678c66bd6e879f71e8e4b0ce0b63e5c8193f8d377a82caa338c8f947a7f5a4240539233d3d4fe1ef4debc8e0e7bf63fe7140c95b18c70c7239c0c8ed48a73838c7b630319fff005d47b885efdb24f41d0d26724e3218803048e3f5a07b93349b46720a8c6477f6a53907be0f2462a2de0ee048c0c64907f4a463f2fcfc93edfe14844ccc4375193823b67f2feb4d6242862323a0c67fcf7a8cb6c65f98373fd38fe749b99972429c76269a4c77185cae4603020f4eff00fd7a5c87181d3b0ce3f0e3f1a894918c7ca79e01fe9430cb6ec64fa1e829d8926195392541cf03193d7ffad51860570482addc9e9c5001278279e460e7f9d459d8060eef6cf03fcfbd35d8372c1c9c73db83da8566da307818e3ad4464cbab13f51c7348ac0923209f7ea68b5c37dc7eecc67d49e3dfdcff009ed43b02aa11ff000ebfe7ad37ccc7dee71c0c7d7d690372791d7919a60977250d9e8467df822824960bb4f1c60d4633b18e718ea719c7e3484129bb8c631b81e9ff00d7a3a8895a4041e4e3a9c1eb48872338c0c7af4c533a30200fa8a733640e9c1c8278c7b52f21dec3f8600f27dbf5a6176c6c6c818fbc4f4f6a6ac4198038c0e739c500e401b7e5c0e07414089b706600b01d391cf7ac0bdbc8343f889e0cd5aef31da09ae34d6936e551e745f2f71cf00bc6ab9e833ee2b6a4979f5c903af4accf116836de27d0af34c9f0b1dca140c3ef230e51c73d4300c3df15e2e75972cdb2daf8193b7b48b5f3e9f89e8e5d8b782c5d2c47f2bfc3a9eca0646f23a75fff0057e54e191b958807b127a0ae2be1a78bae75dd3df4ad58aa788b4c8d23ba009db3a1c84b853e8fb1b207dd60c3b027b4671c8507008238fa76afe04c760abe5d899e13131e59c1d9afeba763fa2e8d6a788a6aad3778b57409b5864723b1f4348d87639ec3e9fe7ffaf4e61b57206403f7bdfd0579dfc49f174f289bc2da14c1354b84c5e5dc7cfd821607e63c8fdeb0fb8bd47de23039df2ccb7139be2e183c2c79a7276f4eedf64ba9189c4d2c252956aced14723a1ea717897c61e2bf125b266c6e6e23b2b698be44a96e0a175c0fba5da4c1e49c1edc574219bb93852722a868fa5c3a0e9767a6daa18eced22114698e4281804fa93ebdce6b420824bb711c08646c13f5afef7ca7010cab0147050da9c52ff827f3b63b14f1d8aa9887f69dff00cbf014320e39c0e0fbd34f1c9c8ce79cf43e9568e8b7e0e16d25ddd4ed514bfd877e4ffc7ac85bbf19c57ad75b9c293e88aab22648c673df9e94858f27af3d4fd6accfa45e5a44f34903a2a1e59c77ce07eb54b715077018e9c74cd34d3d856242c1b77af6e68322aff111c640cd337367201c8c9e7b8a32bb738c1f7eb45843c4809ddd8f030723f2a1989c67381c7039a88b72015ce4f017a0f7a557dea0f38c64e4ff003a06fb936edc99c67b1e6989264119e0f27a7e34dddd8e30318029ac482bf89e0fe9405c881dbd703dfa629c1781c32fe80ff8d4618a6e25c819e47504d2972c386040e79039fa5506da0e521c61783fed0f6eb42b7f10cae475ed5674c8ed2e19c5edd35ba630a421393dfa0abe2cf450a17fb4dc96ee226ebf97bd4b9582cda31cfced9cf1cf24f7a52c0a8392077c7eb5a57365a4436b2343a8492ca06563319196fae3deb1d09070318c7453dfad34efb0344bbb702093ebcf3f87e1431e7192bc1073db8a8f2cadb47037727a67f1a5da77ef5242e3a7bd3f510f52146d3f3124f27f3ff0a37042016c8fe2c73fe7ad47927233c0ce0678a55200e0ee041eddbfc8a35603867079c1ce3b7229439dd9607db777a8d998928493d319ed4a582ee39e9823231400edc03818cf3d877a709362fa1e7031c9ff003e951090e3058ecc8ebdbdff009d287cab6e6c13cf5c66930bf4242df2f2475c0c9a43f29c0fba7b0ff0a6190ab9dc59d473c1a69c8ddcfbe3ff00af4c194f59d364b878aff4fbe6d2757b30ff0067d4225562808f995d5b878cf04a9ee01e0804687807e38bf88345375ab69bb596468d2e2c3ee5caaf0254490828a4e700b13819cf38a8ca2baec2a195be5c63a8fa7d6be7bfda0e5d33c176fa65bf872f67d1f5872d9834f9993309c601c371caf03a75f6cfe57c6bc2987cf211c42518d45a393bddae8b4dedabd6fe47dcf0d66f530b3786936e2f65a597767bb45f157c45f10b48f3b438e0f0cd948e627b99985c5e2952448aa84048db200cb6eea4e3a54ba3e8b6da058f916e6695999a59ae6e2532cb71213f348ee4e598f73f960715cafc1e86487e1f6953cf6ad6b7978ad3dc0918b3ccc4e3cd6279259429cfa115dae0162376e07a60fb57d170df0e65d91e1a32c2d1519c92e67ab6f4eef5b791e36719a6271d5e54eacef08b765ff0c488406c49d4f6c671f4a7c773242dbe177865190590e0e3eb558727e5638f527a52798cc00254903e639c57d8dba9f3e99a7fdab7af8517b7046319121e3f5ff38a67f6c5e10d9bcb8c8ea7cd6ff3e9548b600cb0e9f8fd29dbb3c16386e707e9e945921dd96a4d4eeae62649279a48d800434848e3d466abefca92176e4f391db91c7f9ed50b7723271d769e0fff005e95ce0b03bb3fed51640ddd92138cf5c7e871ff00eaa5e08ce0e33d01c1a8b798f3c707a1feb4ace08621b6e49201e7db1fad3f52490c81506588e4ae071f80ff003de94727d39e98e951161b49380781cfd2824f0a0ed07919e3f5a56192260920ee299c73c0a617c00380dcf20f4f5a4662d8e4e7a70682c155b0fcf7ff000cfe34c57b91c872800e3924103bd1e61c9dc33cf18ef518662461781ce7a1ff003d29a1f6e379e9d8e6aac1a1303b80504e41c13f872293276b617040ce01ebeb4fb09ad96f54dda4a6d467788f86e87a671dc8ad7371e1d5ff00977be07b7dde3ff1ea96ec525dd9885cb163b48278040c8c535a52074241f51815bc2f3c3a09cc17d91d391cfa7f1506e3c3aeb816f7bb463b8e3f5f7a5cde4163139f9b3c8e8300f14a24da0670a719e9dbeb51b488f236ce172700e738a6e463ef6d23a83d6aacc9b9307dbc0f97b67bfe34d0db5400e3eef73518231b79079c1239a19b0800e19ba9c93c7a501a75242df29e159871f4e94a391c8d9cf3512ba9c17208e318e695d88001209cf031fad53df415ec4808c019c678008eb43b00c428c8fcfe98f4a8c302a39dbf439ff3f5a41280a4b64a8ea33cd4dac3d49bcccb8da06e07391de8639000e0f38a84302c493b79fafb8a19b78ddd17bff419a7d42f71d706536ee216092942158fcc14e0e091dc0e2be58f863a32f893e365e41e2a91afefed4cae5588659664382a411f7460f18fe103a715f53b91d0b657ab123f97e35e25abfc38d7ed3e3b69fe25d2edd5b4cb891259e7f3368897016552339c91920743903b1af1331a2e72a552ce493d57affc35be7a9ee65b5a308d683928b71767e6ba5fe7f81ee287b7df0792402327fcff00334d24307e01383d38c7f9cd3072400723b7d697764b7cc781c57b56b33c31e64cee05c65877eb4798533bb18008c8ebd6a2650caa324f5e70707b0a4037139c9246791fd2861a74262f8718393c03cd0e1ce5ba83c80c6a056ddf36081d481e957b49beb7b398b4f6cb791edda1198803a739c1edfce87a6c0b72b8e172411839f5c0a038eb8c823193ce7e95b2dafe96c1f3a1c233d019cfe3c6da70d774c24e3428d867fe7a9c1c7fc06a6efaa2acbb99b6f63737b1978209665cec26342c33e9fcaa4fecad41707ec3707d3f72c7fa5346bb34534cb68ed676eefb84287214fd71ede9da9fff00092ea4703edb305ce770e73fa50f9ae1eef529b121d890463839ed48643f7548f4c9e0f6a8ddbce93733fcedd4f5249f7a6f9824c100161d73c7ff00aeafa1258439461c96ec477a40db81cf1920e338ed5099146016240fe1038fe5f4a7654f1f3052400e3bd2110f9996dbd5b9f7a3702a7b83ebeb510210e4e00ec0f5fc4d3b0abc64f1d302aac04dbd9b9e14e08c9f4a456da78240c81c9efdcd445d98fdd0a5704e7bff009fe94cc74047208ebda9584583215ddb8007b286e691d9c3023692a3078a8c33609c9620e5b9cff9e2919f05940ddc77c531a25072e7e9c95e94d32639e84727fcfe5d6a36c007a938f5c7f9ed423e5f92339e83b7e1406ad136e2a7763382415cfe348650d824a9006013c7e751ef520919e0e4814060178230704a8e3f5a3d43d0909e01e46e247029de675e5460e723a54464033d7046781cd05b68c8ce3a8e3814acec0f42412156ef9fe7f8523c841dc07e38c54664dcc7b13cf23fcfad3010c87e5c8ec3f1a7602c67920fcab8c8cd1bd4b7dd040ec075c73d6a12d8e31dbd79cfb1ff00f551e66c43c8c741838cf7feb458098919c632df4e78f4a09249607000c8279c7b7f3a8b70cf1ea0e00cff005a54718cff001139e3a1a2c17ec3c6318e83a633fa538286c1ca8c7a0e9516e0cd95e581fbbdf141752587c838e075c52b01229dbd30c3f4fe7fe734992d924e5ba1e33f8546d8c609c9e9e9f8534119400ae01e9d89a7b813ab6d2bce31e9f5ff001a0b92724edc0c0f6aae176b90383d33bb22a4638008ce47a9fa5161e83c3f038c83c9279e7fcff2a71238c6d03eb827daa07930d8524671819c7e5fe7d69d90a8ca0004f3c9feb458448490431ce091f29ea3fc690f0c0e7038c8c9ef51b3819c0193ce00e29378da58e7681c6dff0038a3504fb932fc99392a73d4f6f734849500ed047600673fe3519c0618ca8ee6932a4b2a9058673f8f5a0098c85831ede87f4a0392586dc76c13ce2a2f330871cb0239078a4dc72723b673e9fe714ec0840704630001d7b5309e718c1c9c0c60f6f6a61665c63fbbf88f7a1e52172081853ebc60d34ac21eaf9e403fe7fc9a0b162c060f73e9db15137ccdc9233cff00853880491d7e9cfe14836d8793c13c7b853401b58e582e78e3a91fe1518277ee51975e848e9f5fd3f5a50c13ee8031e8d9fc698c524b1e40fa7e79fe66ae69da95c695751dcc0019573b3773d411fd6a8f9a0824e4118f707fcf1417f6018745cff5a4d5d583cce9c78fb5342732447d098ff4a41e3dd5d36e1a2c0c02047fe35cd071d0ae075ee39fad236e249db92792c3fcf4eb51c91ec3e79773a497c73a9cb03a3490ed752090833822b9f8ced5392a3dfaf3516edce00e08e70a79a7098a81f2ed3db07a7f9e956a2968903936383062c7801b8e7bff009f7a791b870c47ebcd41bfe51c0553db39a5cfcff28c9f434ec4931e579f51f78d3ade36b8b8485640aeeea8a58e00cf19fa74aadb8e181da5b9cf1934bb9579cee1ee71f8d0d7403a83e0cb9c00b7f607a8c79c4ff4ac7d4ec64d1eecdbc92c7232a83ba16ca9f6c9fafeb540f421416ea3d067ebf8d21936ee079cfe79fcbd2a127d597a3d912b10cad866c74ce7a50af8607186e8476a899b6838cf3dc1ebfe4d00020819c11cf20e79abb696216849e612776e25b0073d8d22fccbb8f249e01a60623388fa8c281fd7fcf7a52f9278e3b6ec60fbd2b00fdff5c9e4ab1faff4a7172cbd41dc3b8e7f2a819886ea447d724f4a56210e39c939e78e29d83b5c9558b1c1393ec07eb4929002838207271dfd4544487650719ce48e338ef431dbbb781eb9c8e7fcff004a2cc2e4871b383f31ee453bcc25971c8e300f19a8946dc8c1dd8e991dff00cfe9481c11b9b073d81c1a624ec4dbf818c7ca3d3fa52ef192dbc003db150ee24b1561b719c7ff00ae941e00db9efd7934ac52252dc10e4827db9fcff1a612dd0f518e453431db86ce48effe7de9bbc77c13d38eb8fad09129dcffd9	\N	{"year": 2024}	2026-11-29 21:25:29.472084+00
\.

--
-- Data for Name: jobs; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.jobs (image_id, stage, model_id, state, attempts, run_after, lease, error, updated_at) FROM stdin;
05d9c288-2a73-4831-3437-66635f439638	encode	1	d	1	2026-11-29 21:35:28.78306+00	\N	\N	2026-11-29 21:25:28.871176+00
96f123d8-d687-09c5-9659-6511938de5b2	encode	1	d	1	2026-11-29 21:35:28.78306+00	\N	\N	2026-11-29 21:25:28.871176+00
df9e35eb-55d9-95a2-1573-ed92f74d8e1e	encode	1	d	1	2026-11-29 21:35:28.78306+00	\N	\N	2026-11-29 21:25:28.871176+00
05d9c288-2a73-4831-3437-66635f439638	caption	1	d	1	2026-11-29 21:35:29.245414+00	\N	\N	2026-11-29 21:25:29.399441+00
96f123d8-d687-09c5-9659-6511938de5b2	caption	1	d	1	2026-11-29 21:35:29.245414+00	\N	\N	2026-11-29 21:25:29.399441+00
df9e35eb-55d9-95a2-1573-ed92f74d8e1e	caption	1	d	1	2026-11-29 21:35:29.245414+00	\N	\N	2026-11-29 21:25:29.399441+00
b4fd1032-e84c-c032-4025-bba747442578	encode	1	p	0	2026-11-29 21:25:29.472084+00	\N	\N	2026-11-29 21:25:29.472084+00
\.

--
-- Data for Name: models; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.models (model_id, name, digest, roles, image_size, itc_dims, token_count, token_width, max_tokens, knows, created_at, merged) FROM stdin;
1	scenes	eaaccd0f5734e4fd86a037a46debb4f7bb494da882bc4a9bf762972c906ed281	{retrieval,captioner}	96	128	65	160	40	drawn scenes	2026-11-29 21:25:25.81525+00	f
\.

--
-- Data for Name: settings; Type: TABLE DATA; Schema: blip; Owner: blip_owner
--

COPY blip.settings (name, value) FROM stdin;
oldest_worker	0006
engine_socket	/home/older/run/engine.sock
engine_uid	101
\.

--
-- Data for Name: later; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.later (id, photo) FROM stdin;
1	\\xffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d1414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc00011080100010003012200021101031101ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000c03010002110311003f00fd01203820e300e700d341caee248ec3239a17b73d38e694e7e6c72b8ce71d31daba8f35262637038392d9ea323343f0dc83819ea286e393c12dd3de853b8fa60704ff009ff38a2e2b3483706c90481d08fce95d51fd718cf3f9520019895273d073c83fe4526006ce38ce4e4640a130b0b925d705bb91b7fad1819e0e7d7341c70c58e78c64fb53930b938cb1e78e3346c16004f4391db9ed4d4ce70bcf39f7a16319e3047a7bd054804907b839a5a0c0285007f5a39e493823a8c1e2939049c65719c1a55258f5c0eb8ebc7bd3b8ada0aaa546393cf4cd3707b9ebce3ad3c639cb0e47231c5358fc8016c648f7c9ebc51e4c05c61ba9f9bf4e69aca3201076fa7f3a76df94f527bfb75a3076f078ea39c834681613a8c8e4918e4134857636dee4e707248a190e739241e0014fda14907839edef4ee0341c8ca8e0e0e7148d8278e47f9fce9df7463f833d07340fb8075ed914afd406649e0f6f7e4d39b72904839e474eb463b75f4cf3f97f9ed41c1ce46dc714d8201b77fddcaf500714837055040623934a40dc71c0c74fca9db413956c03db1fd286c3a0d07e52011d7381fe7e9499d9d7920601f5ff003c5293ce71c93dfa523ed0b260638eb8a5d4760f94e58938f4f5cd3949663c83df8e6903004e0f5c82695f86ce71e9c71fe7142f30b08c148c9ebd8e7f3a1b0a47f174c8ed9e9439c127927b01d68c956fbdef9c7140acc56c2818383df1c63ad3721000491d89f5a77cdc2804fe74d0b92071e848edf4ff00ebd30f51d909d396c7a671dc505b3cfde00e73fcc669c467059b241feb4a46e61d481cf351718cc6149e707a1c751f8520c02413dfb5481be519c74c60faf7a69c2f43b883da843ea0ad9720af38e69b9f978030474a52e7d3773d6978248639e38edfe7a51742637249600f6ed4104f001ee3d452e030048273cf1c6053b6ef1c8c8279ff000a2e0c8c602e1432fa67834bc938c7ae7b1a5caf0c4065ea07402977727701b7d698f57b0c24051c9c639c0a780188e739c0fa52ee600e7e6278e94b91e4b649249e0f414857ee47b831c0c1cf3c9eb4800e08f9b23afa54887202e0e4f7181fe7b9a18ec525864f41c7d28db440357a9cfaf14160abb8e587619e453b00367e5c73cf3f9d21c0ce00cf723a1fad0d8ec55bfd46d749b0bbbebeb98acac6da269e7ba9e411c51228cb3bb13855032493c0c1af81fe317ed95e28f885717761e13b893c2de1bddb62bb819e3d4671cfef0c808f281c821146e1c1dfd87d0ffb6e6ab7163f00efe1b694c0b7f7b6b697040eb133ee65cf6076807d8915f9f5cb2f20919cf5fccd78f8fc44e9b54e0ec7cee6b8d9d0b52a4ed7ea69ddf8b3c43a8dd1b9bbf126bb757400c5c5c6ab7324a31d3e667278ed5eadf0b3f6b8f1e780759b21acea571e32f0f2011cf617ec8d73b081f3c5704072e303894b06191f293bd7c62ca39b51bf4d3ac2dae752d4a5cf9763630b4f70e71fc31a02c7f2af6cf027ec69f12fc613c4fa8da5a783f4e67c3cfaa4825b9d98fbc90464e4fb3bc7fcb3e75078993bd3b9e4615e3a5252a4dbf5dbf13ef0f0278df47f891e18b3d7f40bb5bcb0b95c063c3c4c3ef248bfc0c0f51fd306ba208bb9867a8c67a8e38af35f80bf056c3e08784eef47b3d66eb5b6bcbc6bcb89e74444f3b6ac6db1147ca311a83b8b1c83cf403d2bef7040e339cf7afa783934b9b73eda0e4e2b9f4644ea19b93f3e7838fd69e7a03bb807a03d7ffaf4cbfbc82c6ce6bb959960863695d95771da0649da065b8ec339ed5f137c41fdbdf59d69d6dfc01a55be99a796ff0090a6ac9e74d30ddc18e1560a80819cb962437dd523359d5ad0a2af37631af88a5878f3557647db858b15e991c004f3cd2ee1b80c00a467a8ff003dabf3cad3f6d6f8ad613798d79a25f601fdcdde9a7673dff772237ebf81afa43e027ed6ba57c5ad460d0359d3cf87fc4ce8cd10f343da5de3f86262436fdbf36c2a380705b071953c5d1ab2b459851c7e1ebbe484b5fb8f7c7519caf1db8ed48412090c029e08c722a4242742073d00ce0d19ec1463b0cff9e95d773bf6dc68c93c16c641c93dbd2909202af1ebf8d48d80bed8ea0fd69a17a0190781ff00d7a2e086ee24e32338e98fd3f952b7001ea0f4c9e09fc295d429258e33c7d6931cf27a0f6ce298ec3d8e09c8e38ed49b7276f007403a76ff00f5d2e54aff000900e063ad2104b6fee3b74eff00feaacc2c0ac79eb8239e7f99a4390307e627b5290081c0e0fe558be30f1a687e02d0a6d6fc43aa5b68da64270f7172d81b8f4551c9663d94649ec29eda869d4daf953dc75e4649a40760539e477c57c9de23ff008282e8d05ccc3c3de0cd4755851f6473ea374962b28cfdf002c8e01e301941e790b56bc1ff00b7e786f529d61f15f86b51f0ea92aa2e6c641a8c08a7a96daa927a7dd8db3cfb679beb349cb95c91c6b1b8672e4e7573ea605b600ca01e98effad3901241036919e33fe7fc8acbf0b789f49f1b787acf5cd0b508755d26f13cc82eed9b746e32411ec410ca54e0a904100835a8aff29e87d4574dcecd1829c6483c0ec29b93b8e06791dbe94ae48e70a33d71de95970855787eed8e942d061824679e3db9a52a0b7277763cf1f8d0c188cf05b3dbf952746c03f876a4c484008c6e393d40f5ff0039a53d3a927b1a15329e993d690aef39c93c751d6986838e09c724fa5033d01c853da91c6e9370181cf6eb9eb41193827f16ea7f0a482da1c0fc73f8583e327c35d4fc346e8585d4bb27b4bad9b843346e1d491fdd3b769c7f0b1c57cf4bfb257c39f83de1e3e24f8a1e26bbd6a084888da401ed6de69589d91c71445a695fd143e080495c038fa5fe29fc4cd2be13f822fbc43aa92eb16d8aded108f32ee76388e1407ab31c7d0066380a48f807c69e2fd6fe25f8893c43e25b91797e1365bdbaa8f22c55bef4702e3e519382c72ec00dcc7031e5e36bd1c3da538f34ba1f3f9ae2f0d824a7523cd3e8bfae87a05e7ed1f73a3e9f2691f0bfc25a57c37d2197635c9b58a5bd9b00ed628a3cb5619ce5cca49cfd4f9ceb3e28f11f89d1135bf136b9abc60604177a84be511c8c98d484270c4676e7048ce38aa4dcae0632307dff00cf4fceb6340f056bde294f334cd32e2f915b699117099ff78e066be6678cc45776bbf447c0d6ccf1b8b76537e91d3f23916f0a689c83a3581381c0b44f6f6ad4f0f5c5ef840bc9e1cd5750f0d48c7711a3dd3dba31e065a353b1fee8fbca7a57a4dafecf7e349a3dcf6505b9dd8d925ca93ff8e922b07c41f0b3c53e195325ee8b70d02024cf6ca268f1fde2573b4719f9b1f4ac6d5e9fbdaa3051c751f7fde56eba9ddf823f6b6f1cf862e10788e3b7f1a6984e5cf971d9dfa739cab20589f19fba553a7dea9fe247c2af0bfed2161aa78efe164cf1f886d943eade1fb880c124f29e436188092b00df30ca4840f981dcc7c44fdec37639f94f4fceb5fc27e2ad63c09afc3ad681782c352895a30e577248840cc722e7e7424038e39008208047a14b3072fdde27de8fe28f5f0d9dca5fb9c77bd0efd51e50e8f0cd2452c6f04913323a48855e375382ac0e0ab020820f208c524323dbb472472343344e24492262ac8ca7219586086040208e4119ed5f53f8bfc0fa4fed55a3dff8abc17631e8ff0011b4d089ace8724a8aba86506d9236c81ea1256da1b614700a82bf2e5d5a5c699773d9dec125a5d5bc8d1cf6f7085248a45e19594f20820f1dab4ab45d26a51774f6675e230f2a0d4e0ef17aa7fd753f467f64ef89777f13fe0e594fa95c3ddeb3a4cefa4df5cca4979a48d5192462472cd1491b13ce599b9af6563b86ec85c773d4d7cfbfb0ef846ebc33f050de5e234326bba9cda9242ea55923da9026411fc4b0071ece2be8161875c2fc87ad7d4526dc22e5bd8fbda0e4e945cf7b2bfdc21006d0a791df3cd28c91820039cfd697961e9cf3e828203313d493d6b536b080360eec743cf5a4c792001ce3a0c7070294f41b81c8e40a376d3819fe945d80a85802070c4f63c0ec3f0a69202f1923bd3880703a03d28501b07078e36f22a6fa156418039c93db19afcdafdaa7e26defc43f8bdad5935ddc1d0742ba3a75a596f61179d09649a6287037973226ec7dd5001c139fd266c0625987a818c9afcbbf8e1e0dd6bc39f1b7c5ba6cfa5df4d79a96b37579611dbdbbc8d791dc4af346615504bf0c54edcf31b8eaa40f3f1ce7ecd28adcf1736751e1d469adddb43cfa41850492327d7afe54fb68e5bcbdb7b1b2827bbbeb93b60b4b389a59e66eca88a0b31ebc015edba37ecbb7fa1f875bc51f14b5c8fe1f786d303ec9084b8d4ee58f223451b951d87207ef1b820a2e0e36ecfe3369df0f2ca4d3be11f82ed7c2514a9b2ebc43af20bad52eb3fec8721406e46f765e7fd5af4af1fd8469ae6af2e55dbafdc7ccfd561422a78c9f22edd7ee3d4ff640f843f13be1e5d5e5ff00882e1342f0c5e46d21f0e4aeb3dc4931036cc40cac276e460312dc07505463ea8009230a473924735f9b3e20f881e33f181235df17eb9a8a920342977f6585b18e5a280471b636a9e54e08cf5249c1459228d556f2f12340142a5e4aa001d001bb007b0ade39a51a4942116d23ae1c4384c3c553a50934bd3fccfd4021b6f2bd7f97a57c15fb4e7ed07e3e3f12b58f0adb6a17be10d274f976c1069e24b6b9bb8c657ed0d315590ab1ce3ca213b6588dd5ce7873e2af8ebc1fb574af19eb10c318e2def6517d0e001f205b80fb57e503085703382b935d8dff00c70d17e29e8f1f87be31e85f6ab28c9367e2bf0ec2cb7760e71f3b423730e00c98f706da03458e6b778fa5898f2424e2ff00aea757f6c61b1f0f674ea3a727df4fc4f96a7d36d2ee679ae604ba9e46cbcd703cc76f7666c93f9d7b07c1efda47c61f09f56b6f3753bcf10f875a45173a5ea172f70cb1ff0017d9d9dbf76e00c819da4e41033918ff00143e0beb3f0bedad358fb52788bc157e892d8789aca2c40e8c14a89979f25896c0c9c37639ca8e08aeec6781d3f4af3dcab61e7abd4f2253c560aa6ada7f83ff0033f59fc19e34d13e21f87acf5cd03518750d3a71c3c67946ee8e3aa3827054e083d6b6ce17af3cf3c738af8fbfe09e1abdc3c7f10747571f61826b1bf4404e44b324d1b93938e56da2e31eb9cd7d84bc1e171c6327a7bd7d2d1a8ea414bb9f7587abede8c6a77110f04e0804724f6a33924e06686551bb278f4c74e6b93f8b9e296f05fc2ef156b91e45c5969b3cb0043b4b4db088d41c1c12e54648e3393d2b56edab376d2573e30fda1fe2149f133e2cea1e5b87d13c3b249a669c831b5a5040b99bead20f2c727e58863059abceb92412c79e38c8a82c2c96c2ce0b742ce91a2ae475620724e79c9ea49ce6bd2be06782d7c5fe328e4b840f61a762e2647c61ce708a7d413c9cf042915f055672c55672ee7e355eacf33c6392fb4f4f25d3ee47a0fc21f8136c2d2db5af12462e669143c3a6cabf2a0ce41901ea4ff74f183ce7b7b8c71f94aa8aa11106c555e3681db1fd29485c92082076cf7a73b0da42e1720656bdaa74a3495a28fb7c3e1a9e161c94d1e79f1efc7f7bf0d3e126bfe20d31e15d4adc4496ed30042bc92a47b80ee5439603fd9e722b9bfd947e2aeb9f15be1fdd5f788409750b2be7b437890a462e176a38242e06e1bc83800636f726b89fdbd3c502c3e1de85a223859351be3338ea5a3850e4631d374919c823a639cd777fb25f868786fe04e802407cfbff0032fe5c0e3e773b39c0ea813ae7ea462bbb952a3cd6d5b3d8708ac2f335ab64ff0014be04d9f896192ff418a0d3f541b9de041b629f8f4e8ad9efc0e79f51f34dddbcd61773413a3c1344ec92c2cb864604860476c1afbbf2a36e401c1e9cff002af9ff00f696f05c767358f892d6308276fb35d94e37498ca363dc2b027d96bc2c5d056e78a3e2735c04141e2292b5b75fa9e41e0df1d6a3f0afc5367e2cd30b3bd9fcb7b668702f2d0b032c5f5c0dc87b3aaf51907ed0f177ecfdf0f3e346aba478c2facdaf3ceb68e42d6d218a2d4612aa62338c65805e87209076b640007c33c9563b49ce4e715f62fec5de229b56f84f73a44fb4ff00c23ba9cba65bfcc598db948e78b20f40a26310c7f0c43be6bb72aabcdcd427af5477f0ee27da29e12a2ba5aabfe3f8ea7bc451a43188d408e251b42afcaa3b018c53f6670dc03dc6685c1527a127f3a41b483d4e3939e41afa53efc7be3927e504e39ff0a6901413ea33cf3fad28e1492031c7040a404eec91c939ef4ee4a42a918030083d3dfda90e53a8ce0e3834808c8e9c0ce79a5dd8e320639c9e30295c761caf824139381c753d6917696c852473924669790ca0671dbfad3416dd80327b67b548f710c6371e8dce701b19fceb94f8a3f11749f84fe0ebdf126ae049f67021b5b68c8f36e667202411e7f89c81ec02963c2923aedcdc739c9c9c6715f9ff00fb437c486f8a5f14efe482513787b417934cd3173f2bc80edb99c7aee75d80824148c118ded9e5c562561a939bdfa7a9e5e658d8e030eeb3df65ea729e33f1a6bbf12bc45fdbbe25bb7bcbd036c36ea716f62a7931c28070392371cbb0c0663815905771e40ebc0ebffeaa555763b402fb8fdd51939ff1e6be8ff855f026d749821d5bc45025ddf3a2bc764eb94b73fed0e8cd8ec781cf53835f1918d5c5546dbd7b9f96d3a788cd2b393777d5be9fd763c4342f875e24f12c093699a35cdcdbb1216620246d9f4662076f5aea4fecf7e32117986ced77edcf93f695df9c7ddcf4cf6eb8afab150222a22ec0318503000af957e3c7c65f1af84bf689f0af87f41d4e3fb03fd947f67471022669a428cb2e7a9c63182300823049af52965d09bb367d261f20a355f2b936ede9fa338cf10782b5df0b86fed4d2aeac93711e6ba16889f40e3e5278ec4feb58983bcf21581cf1fa57de734115d472c53c71cf0ca36bc72265587b83dabc17e307c0e8ad20bad77c3c8238517ccb8d3914e140fbcd1fb0e095fae3d2b8aae11c17343547918bca25462e745dd2e9d7fe09c3fc28f8d3a87c2b5b8b1b9b43aff83ef039bed0dd55f21c1f31a10f81b9b3ca31d8fc83b4b17ad9f8a5fb2441ad787e0f1bfc1f95b55d0f50816f3fe11f6906e44652c4db484fd0792fc83b80618095e4fd5be670ac3bf6ff003dabddbf63cf88d3786fc693f812ea676d275a125e69919e56deed14bcd1afa2c88ad263a0689cf5735db81aeaab587adaae9e47a393635622d81c5ea9fc2faaf2bfe5f71ec9fb27fc1cbdf845f0d047acc6b1788756b83a85ec51b6ef2015558a127a1288a37638dc5f058618fb3e49200e406ff3f873fad2863c81c103b0e28098620e01eb815f4f14a29456c8fd161054e2a315a210217000519ea315e15fb675c4907c18686170b1ddead6314cb81f3aacc245e48c8f9e343f87a715eeedc124003b8cd784fed9b65249f0525b945df1596a9653cdc72a86611eefc0c8a4fa0c9ed59d7fe1492ecff239b189fd5aa5b7e57f91f1880071b7a751eb5f48fecc5a7456fe16d5b501feb66bc10b01fdd8e3523ff46357cdf8dbf31c6e193c57d15fb306ae9268face95b80922b85ba19c0243a8538e79c18c76e323f0f8bc1ff155cfca7296beb71bf9fe47b675e0f4c7507a74eb41e9c8da5bfc9a4077eec6081d73fe7de949014e700741fd3f9d7be7def99f057edc5e2a8b5ff8b363a240df268d6691ca1be50269bf78792718d861e7d7767a57dc1e15d3ed34cf0b68d65a7cd1dcd95b594305bcd09f9248d502ab2f2460a818e4fd4d79bfc7afd9d347f8d5a6a5cc722e97e24b58d96df500a48907388e51dd73ce7923271d483f317c1df8d9e21fd99fc5b7be0ff18d9dd49a247211359021a4b573cf990e480c8d9ce33839dc0e73bbb2caad35186eba1e9f2ac45151a6f58f43ef8e41e833d403f8570bf1cf4e5d43e18eae0850d0849a3663c02b22e791d7209007a9fc6baed075fd3bc53a45aea9a55d477da75dc625867879565fe8472083c83907918af3dfda2f57fb0fc3c36995df7b73143b0632429f309e4e7f8073cf51eb5e657b2a72bf63c0c6b51c3d4e6eccf96766d04800b372315f4b7ec37779d47e2069fe58013fb3eec393d778b88f6eded8f2339efbbb639f9a492fd338c0383c57d51fb0cd893a0f8e7520f19126ad1d96d03e6fdd5b47275f4ff48e9fef7ad716557fac5fc99f3dc36a5f5dd3a27fa1f4d22920f03a639348308ff7588e879ea69720904e4d0e7017040ee7debebcfd445c01cae060773d0e290c6470318e792318a524152b8071d08e9416dc3046547a67a71d281f51a114e39e4faf14a41cede4e79cf5a323218e40e7bff8f7a172c138e49ebffd6ef4ae30da19b8c9248c8fe74a4fca70474ec6804904820678f7ff003c0a444318dc48c67b5241638ff8c3e2297c21f09fc65ad40e63b9b1d26e65b7218a93308dbca018720972a011ea2bf39ac2c62d36caded2250b1431ac6a1b0380315f74fed7972f6df003c47e5395df71a740ec091947bfb7471f8ab30fc6be1e41b941c1f5da38cf1ffeaaf9acde6ef089f9ef14cdf3d2a7d2cdff005f71eb1fb3bf84e3d73c5336ab70aaf0696aacaac33ba57c85fc8027eb8afa7b190a4b700f6af1dfd98add57c17a94c7991f50646e47411c6463fefa35ec4325b27ae7273c668c2c54692b1b6574953c2c5addea2601c29ebd78af89fc760f8bbf6e8d2ed93f7d1e9f7f65b3ec8093fba85276ddd7a3060de814f4c66be95f893f1ebc13f0ae09bfb63598a7d45071a5d99135d138070501f938e85ca8ebcd7ca7f0035d6f8a1fb5bbf8ae0b1ba86d6592eeef646bbd604685a35f34f6cee033dd88c706bd6a3192529bdac7d3616128a9d46acaccfbbb21875c9a53b5919480cadf290dd08fa518c838000ec73f5a03670482aa7bfaff009c7f3ae5b2b1e7791f1e7c5cf08a783bc797f630298ece6c5d5aa91c08df3c003b2b0651ecb5c3dd6a97be1e11eb5a5bf95aae9122ea167201bb6cd11dca08eea71b48ee188ef5ef3fb52dac6351d02e830f3658a68caf19daa50afbe3e735e0f3c297704913b616552a474383c6457ce555ec6b3b747ff04fcfb10bea98c7ecf4e577fc99fa8567770ea16b05ddb4827b69e35963653f2ba900823eb9fd6a5daa460ae475c9ae33e096a72eb3f067c05797254dcdd681613c854606e6b68d8f1f535d9a82c4f5c8f41c9afbc4fa9fb42bb42e39c63eb8ae7bc7de12b6f1e78235ff000edd2af95aad94d6859973b0ba10187a1524303d4119ae88019ec0f42734d2013b41ce78240eb4680d5d599f971043776665b2d4a168353b291ed2f2163ca4f1b1471c751b81c1ee083d0d75df0cbc6f2f80fc5769a8282d6727ee6e91396311232473c918047d3deba3fdae1bc3fa17c7c9174db80f7da8d8c73eaf6c8b85b5b8002c4e5ba6e922db91d408949c06cd79980aa3a16cf7febffd6af87c453786aed47a6c7e378ea12cbb18e307b3ba3eecd3350b5d62c21bfb3996e2de74124522f4653cff005e87d3a55a58c15208c93f97e1f9d7c93f0bbe315ff80275b4b856bed1198b3db67e78c9192d193d33e8783cf43cd7d17e1ff8a7e16f14c65ac75781651f7a0b83e5483f06c13d3a8c8af5296221556aeccfabc26614b131ded2ecff004ee756cbce3939c631f4ff00f5579dfc65f81fe1ff008d1a08b3d51059ea10f369a9dba0f3a039e9cfde4393953f5183835e86ae85772e4aedc8607ad607893c7da0784437f6b6a90c1228cf9432f2fe08b93d08ed8aeae7f67ef5ec7a5ed551fde735add4e7be0a7c27b4f82de07fec18352975226e24bb9eea6508accc147ca993b142aaf1b8f3939e6bc47e377c443e37d7fecb64ea74ab02c90b03c4cc7ef49c7047185f6e7be2affc4ff8e775e318a5d334988e9fa4c84ab393fbe9c74c1c70aa7baf278e4e0e2bca828087b16cf6af23178bf6beec5fa9f1f9a667f59bd3a6ee9eefbffc0239a45b68649256f2d114962dd303a93f957ddbfb2d78565f087c0ef0d2dc214bfd4e23abdd290c195ee09942153d0a2322631d53bf53f2b7c02f840ff17bc78897f6ee7c1fa3b25cea72328d978f93e55a02782091ba4001f900538f301afd010b85da08f41cff008f4af572ba0e9c5d5975dbd0fa5e1bc0ca8d29626a2f8b6f4ff822ec5ee3a7a8fe94d09e60033b4e7f114e61f31072df87d69a83e7e09e0e08079af76e7d96b6141c3e40239cf34e51b57918f50693aa640e791cd0a8323738193d3bd21813cfafd0ff009f534300091d18f1803a7a50a8003d179ff3fe7e948108c9c01c673eb4c036aaa9ce327af3fe7de81c139e9e87bf34e719f9541c91c01fe7ea69707ef1393c746a8b86a7937ed51a2dcebdf00fc5d15aa979ad618751da06e2c96d3c772ca0123922123f1e013c1f845591e3565c3c6c3219318e46723d6bf50ee2dedeeede48268d25b7954a3c722864742304107a8232315f995e22f06dd7c34f14eade10bc2f249a2ce208677c667b6237412e7a65a32b9c701d5c76af0735a4e518d45d343e1b8a30ce50a7885d347f3d8f74fd97b5d4fb1eb5a2c926244916f22563c9046c73c0e836a0fc4537f6a5d37e296b369a2d878004ff00d9f72cf15f7f67ccb15c076e13739236c78279040cfdeed5e33e14f135cf83f5fb2d5ad0179a09013107c0910fde438ec4122bec5f0af8a2c3c61a35b6a962dbe19572c848dd1bf746c6707ffd7deb0c0d7564baa39724c62e454dfc51efdbfe01f30fc37fd852d4325f78f7577bb9dc891b4dd324da839ce2498aee6272410a060f4635f4ff00857c1fa2781f484d3b41d2ed74bb05e91dbc78de7d58f563ee4935b04800020e0f27a714cda76f0339ec7d7fcff3af4a552537ef33e8aa57a957e263f790738c823b0a691c01c9238031f98c50c19831c924f704fad73be3ef1cd8f807419afae5c1b8752b696c4fcd3c98e0003f847049ec3f0ac5c9415dec73549c6945ce6ec91e05fb4678860d57c6b158c244834f804523039f9dbe623f00474f7f4af1fd5e630695772827e5898a94c96dd838c639ce781df9c0ad0bdb99afeee7b99e432cf3c8d24921e4b313927f335d6fc0cf0337c47f8bfe1dd2bcaf374cd3e45d67522cb95f2a16062439183be61102bdd449e86bc1845e2710add59f034a32cc71a92fb4fee5ff000c7de7e05d2ce87e05f0ee9ed6cb626cf4eb6b7fb32a8511ec89576e0703182303a56ebb16cb0ca81f8f14f20672cbff007cf7a403099eab8e09e715f6e7ed2b61b82abd074e9c7a7ff5abc2ff006a5fda2a2f835e1bfecbd19927f1aea909361132ee4b58f3b4dcc99e30a4fcabcee618c60311eec40c0da31ce060f4af96bf6befd9afc41f13f5dd2fc61e1344d4356b5b31a6dd69924cb119a0123c88f13b90a195a470558a8208f9863072aae6a0dc16a7362a5563464e8abcba1f0e4f24d2dcdddf5f5d49797770ed71777b74fbe49a4272d23b73926bd5ed7e17f8ef4df87163e35bed0a49bc3376864134259aeeda1c80934d0150446d9dc194b6170cc14735eb5fb3dfec65ae7fc2496baffc48d3ad6cf4fb27f321d0249d2e5ae651f75a7285a311a9c3040cc58e376002adf6b2f24818c8f7af2e1815562dd7dd9f314326589a6e58cddeddd799f9710cd15c46af14892c6ff32b2b02ac31d8f4c5398f04e7e63f957da7f103f640f04f8ba69efb46fb578375599de57b8d29835bcce7bc96ef94c13c9281189fe2af17d4ff00639f895633dc2d8de786759b588b7932b5d4f693ccb8e3f746175563d00f348ff6876f32ae595a0fdcf791f3789e1cc65197eead35e5a3fb9ff99e2a5dc284e428cf53c03dff00952124840d8fa57a80fd973e2a0660de1eb20060ef3aa4401ebc7e1f972393ce2cdbfeca1f14efa6953fb3b45d342a97335d6a5bc1c6308163424939ee40ebcf63ccb0588bdb90e159363db4bd93fc0f270d96040f53fd719aef3e087c1fd4be35eb71790b7163e148589bad715008e420e0c36ec7fd6392082c0144c1c9dd846f0683c4f79ace9f134e4425d712c2a31861c329cf3c10463f3afbcbf613f1a0f10fc1fb8f0fcce1af7c3b7f2dbed2cc5becf2b19a2273d8177400741174ee7b3078484eadaaf4e87a9946574eae21c713ab8f4e9a773df7c37e1ed37c21a159e8fa3d9c761a6daa79705bc6080a3a9393924939258f24924924935a27e65000191cfe94ec16eb800f1f5ef4a000300e31c64f3fa66beab63f4c4ada2187019492318eb4ec11c95248ea3d7d29ccb918e3a6319a615cc801fbc0f6a5b8fcc4e011c13c74cff9e69c176e79273d7d7ad20007006324738a06723049cf19eb8a371810a181e33d86691d3206392402431c7e54acbc7201cfaf73fe7f9d0705b3827048622985ac3b20f1e8739e949939cf27008ec29776ece3d3d79a456deca33c9fc7ff00d5503b0a412154900fae2be7efdaafe0bda78b74897c7305f41a76aba169f2899ae59521bbb553e6796ee4fc8c9890a1e999181e1b72fd04703180338c9af86ff6d9f8e87c45acff00c2bcd12ef7699a6c824d6a68a461f68b81cadb12382b1f0ce39cbed070636079f10e0a9bf69b1e76612a2b0d355d5e2fa773c660992ee08e58df72300467fafeb5d1f82bc75ab781f54177a6cdf2f49addb2d1cc38e187e58239ae27e19785fc47e3df16daf86fc316c9797d711c93b4771218e08a2400b48ee15b68c954071cb3a8c73c6cebb697de11d5974cf11e9b73e1dd509611da6a49e50976b60989fee4abfed46cc3debe45d1ab0fde453b773f269e0b13878ac4534f97a347d21e1dfda6744bd800d5f4fb8d3ee157968409a373c7b8209e78238f5ad7ff008686f06a118b9bbe57763ecc4639af9549c37cd8271924d2313951c1f6cf4ab58caab4d0de39c62a2acecfe47d07e21fda7ad921922d0b4892472a42cf7cc1029e307cb5ceeefd587415e21e23f13ea7e2cd49afb56bc7bcb8230bbce1507a2a81851ec3eb59ad9192001c743deb22e3c5361196586e63bb9d70592170db4f6c9edd2b2954a95f47a9c7571189c6e92775e5b7f5ea6e59595d6a97d6963636b3dedfddc9e55b5adb8cc92b9cfca07d32493800024900135f72fecddf0625f841e11ba1aafd926f13ead71e7ea13db92e8aab95821572012a8a7d31b9e43fc5cfcfbfb06789b4ad4bc79e2cd3f52b5b64f118b58ee34dba6259cda16db3c480f0bb5c46c48e5b70cf0831f6e6c52471df079fcabe8701868d28fb46f57f81fa164196430d4d621bbce4bee5dbfcc03fcd90cd18cf18c73fe7da9483bb3f78ff009ef46c2980700671cd05415c93cf503a1af5efa9f5ac45ca90338e3918068c1c0ce01f43dbf2a70001272067b1ef48b9ce3185f5e79fd686c1010700e47538fc28077852abcfa1039ff3c5286da0851b4f7a3a71b88079c679345c42603038cb0c7a51821141f5ea7d294b36090073df34de19703919a062b1ca93f788ebfe7f0a0e19413bb0063069c5437070073827b8cd46c703a7cdc601febfe7bd00b53f2eff0068df87cff0d3e3af8af4e583cad3b529ff00b674fdaa151a29c9670a070024be62e3b003a02057a8fec05757ebf183c4d040241a5be8424bc65394f396e145b86f7dad738cf3d7df3f63fc48f84be13f8b5a64161e2bd162d5a185cc90b191e29613900ec9636575ce0640600e06738ab3f0ff00e1a7867e1768ada4785b498348b2694cce1199de57c01b9e47259ce0019624f005712c3dab7b54cf16196f2633eb2a5a76f53a68f287a63d698092ca0f719ce39a5c028093953ce4f4ff00f5d296030c73bba671db3cd769ed0367cc3b5471c601fe7403973dce6971c646e7ed907f3fc29ac71f28c607e639a05d43665810b9e29581c16c9cfaf603fcf14bbb2719e0d3594e0738cf4c509ea161724e00eb8ec7a5295239ec7d29a186d03f0cf5a37f007438e73415b6c381c0249233fc54dc678dd8f51d2941ff006f18ee68dc1ba63d38ef487b0d1c8e48c802bf27bc4df073c71f0ffc573f85b50d0359d5b53170c2def2caca5b88f520cd912a3a82096ce4ee390490d820d7eb20386c8e5b3f5cf14739e0e78eff004ac2b525595a470e2f074f191509bb5b53c47f656f80bff0a63c18f71abc51ff00c25dac959b51923937a408b9f2ad90e3042062491d5d9ce48db8f60d6343d37c4b612e9fabe9f69aad8cc0ac96b7b024d14808c728c0823f3ef57d4f233924f3d7d2909e718ce3bf4ad6294528a3aa14a34a2a115a23c4357fd8dfe195e8cd8e9fa8688ed9c9d3b549c2027d23919d140eb80a3df358367fb0d784e19b7cfe2af15dd4418621696d1038c746296c1baf7523d3dcfd1b8241c1da4feb4995098ce7d8d64e85293bca0bee392780c2cdf34a945bf4478d787ff641f865a0df1b9b9d125d7dfa04d76e1eee151c1c792c7cb3d072ca4fbe2bc7ff006e8f84565a5f86740f1ae89636f6169a36dd2ef6ded6258a35b6965fdcb00a00012672b8e9fbf27b57d8c01f6ce739c56278bfc21a578f3c31a978775db417da4ea317913c39232a4e4104742080411c8201a72a51e4704b42aa61294a8ca8c62927d958fca2f0a78d6fbe1af8c343f18e9e035ce8b71f686854e3cf808c4d113fed2161f502bf5d89249248233dba0e6be57f04fec0ba37877c610ea5acf89a7f1268f6b279d0e98f62b0b39072a2695642245070485440d8c1e0907ea90774791d41ea7a0acb0d4e74a3cb238f2cc2d6c2d370addf4b012067a6ef563f5a0286da09c718cfad2b01919057a104f63eb4a796e0f439e99c0ff26ba8f66c0067a1c9ce40f5f6a4ca8036921b1db8a562d8c8273dc6698c41c8661b4e391dfad310a0ff00b3c1ea40e4f7343152e33f4c01d291882c78e0f1c5286dc181da0faff9ff003d68b8580292703183db3df1ff00d6a71c8e871eaa7d71e9498c6dce0e0727fcf6e28ce57383bb1eff009d1b8fd409c8c9cb605200548c15047507bd29efb98af6e78e94aa00c004639e4ff9f6a2f601a40c90a71d80ee28d990324e33d00a5dc71d46704d076aa819c93f8ff9ff00ebd1716c19de4a2923d71d68572ca416e48e73da9b808b8c6703bf6e94e3b40ceee3af27a7ff005e8f20d01810e371047423ae3af1415de4f719edc0f5a507040fbc7a01d29300a907eefb7bd2b8d2108e030200c679ef42e3db27a538125b918cd057d0103b1079a2e021dc0903e61cf3ebfe348bf292dc75ce7d052b1017240e9d7a0ed4d63b49040231d0f34ee22455c7fbc7df348a385c8e38239a503073f88c9c7a5201d3237639cfafe95050a572b8ce3b6474e9d280372862369faf4f5a146d23af19c9eb8a5e00cfcc57a60ff8517010e360e4e071807dbf5a366413c60763f4ff00ebd215c267904f6fe740cc8dd4007a0c678a061b7728e3a7504d0400db80e319041c7bd2aeecaf3c807fce29383f7406fc29dc9144638232b80721a8da4b123007a8f5a19c90707a8ee7028676ea704fb52eb71d8523e5c67e6f6a4524f20608ef9ff3e94039518efef8c7b50a060f27a827ae0502d040006cf4663fe7fad381c64107711d7a535720fbe3f1a07ccccc03000f1cd00218c641edc7f3a795f988fbd9eb91d3fcfb522fdcc71b8f5231cfa5220046e63f5ec6985ae18e06400077c77a503729048e391ef40e40c71c740323d284c36376171c7d295c60140ce475e9d38a468db076f2d9ee7fcf6a40b9e49ce393c75a7007938e3240da6985c4c6e390703d48ce2940ce700f1ebce0519debb4a9fcfbd359b030ac5bd0f7e68b8798a8832a73c1c124fa52ecc1ce7b7526932369db839e338c7e34e5e3e6cf1ce075a2fd58842a1b91c9e993e9fe714b8c29e7820722902857f7ea47414b9dc17239fae3b5201831bb38206411cd3c20c2fa67271c9a692060a81ea5a970773678c8ec338ff3c5000103311cfa73c73fe4d0eb9cb7b74c719a41f740e369fce9c1b0704e0e79c74c53bd80691b083b8edc0e47a52b9dac0f7ebc7aff00934e04061ce33e9cf34d0037382323aff9fad2b8cc31afcfc1648fdfe53d7f3a46d7a551f3471f1e8a7fc6b2c12c318033c7d39f4a707c939c67d6be1febb5ff009d9f49f56a5fca697fc2413b73b221b79fba78fd694ebf70c30123e7d8d65127190bbf1d052024965200fc71f5a5f5dc47f3b1fd5a8dbe1459bdd63569197ec6d6d12007779809e78efcd5b3e20b8c93b23fc9ba7e759a0e48c74f403a53598104803381c50b19884efcec7ec293fb28d53af4e3a2c7918c8da7fc694ebf3f3ba38c73e8707bfad656739071e801a0ed7c02371edcfad1f5cc47f3b27eaf47f94d55d7275c1c458edb54f3d7de9a75fb80cc4226e03d09feb598187723206091c1fd3e9487009c0cb7614d63711fcec7f57a3fca8d6fedc9b19091e33d3691f9734835d9f763118e4f383e9f5aca24ecc367b5024dcc0f3823938cd258dc47f3b0587a3fca6aff006f5c024948c8ff0074f27f3a41af4db70510371c8539fcf359b920f4247703da9a1b7e3b7618e68faee23f9d87d5e8ff00296ef3c47a8c08bf67b78a57efb89000ff00bebeb53a6bf75e4c7be2895ca82c39e0fe759e872fd48c8edc5353e6071db9c30eff00e7f951f5dc45fe361f57a5fca8d56f104d8c18e2c9c763fe34835db8c9fdd44a17a641fa7ad658200c0ea09e08a796dabcf4c7e18a3ebb88db9d87d5e92fb24f7de26d462702ded21986324b1db8ff00c7aad7f6edc02762427903a1e3f5acc1b4f1907d723141201dab823a0c7142c6e213f8d87d5e97f29aa9af4c1170a8573c10a7fc68ff0084826070162e477cff008d65b390a30b82bdb1de915c3718e40e98cf3f4ff3de8faee23f9d93f57a5fca6a8d76776394880cf0483c7ebd79a175f9c10db23f4c004e3f5aca67ea783d3047e941942918031ce4f6a3ebb88fe7657d5a97589a835f9813f2c781ce4a900feb436bb3b305f2e320f6da7fc7fcf359684ed00637e3f88f4a69638e08404775ce451f5dc45fe361f57a5fca8bd79e25bdb755782cd2e589e40046d1d73ce6a58f5fb996152f1471b3202571f77dbad673124124e07a673417183db3dc9ff3fe452faee23f9d8feaf49ed13547886607fd5c79ea4e0ff8d236bb39e7cb887a020ff8fbd65972171827b7d39e9481b182473fc8fd69fd7311fcec9fabd2dd44d51e2199705638cf5fe13f9f26a2bdf10df4684db5bc524a71f236471f9ff9cd51500e33d4f1bb3481c823e61eb8e98a3ebb88fe761f57a57bf2a23c823b9c7f3a383904018f5ef51863c32e0fb1f5a0481b04f4fbbc1ebfe7d2b84ead89320678c71c01d3e828560c0632be98a60738e79ce48cf3cd26fcaee5279f7ec7da8dc6498048206471ce7834336dc9c647f771ed51fddf9739e3ad2a955c0e43639c76f5e69dfb8870520e064919e3f9d3800ca72372f727fc2a11863927dfad3b76f1c1619e3e6ea295c63b77600fb114ac7e623ef60e79fd6a30c4e4e49039e4f5e94d92430a4aca37b28ced03afe145c44cd82768ce57d7f9519521947cd839e7bff9c554b2b93700b3c26120f4718ddf854db8e410471ce314263b3d89032eec739c639eb8f5a1d86dc609fee8cd31891f75874c704714150e146718ea41eb47a86db8fe14b3282dc77141232486258f71da984e5b19edd2947df3827703e9fe7da8bdc43c7cd8382171d3d0d341031c9da075079a6bb6181e3ae3b7e342b28dbc838f7fe94eec2c48cccc060127a7029439eb823201c019cd40ad93c1c638cd395c03b89f9476ff003f8d2b8fd09725812d9c6324633c7b535cfca0e707a8e2a362176918fe54a7939c0538c607f5a01920914719e7b8346fc9ebc924f06a31c9e319c9fce9723bf18c74ff003fa51710fdc320ede87919e7f0a557f948273cf4c9a8376e24e39c64629c597033cb0ea3b50161ea40218e78e3814cb9be8ad9879ac103fddcf527bd0c06ef9477ebeb50cd0472fcb222ca01e3cc40d8fa7e543f21ab5f52d2bab460863cf73d314bd1caa8273fa1fe95128083d0038e070694f09920f7c67bd170b0f4939e00c0cf07bd018e481c638078e09cd46e431c704139e7fcfe9480f0bc7232320e7bfa50030387ce73ea0e334646d254e41f4e7f9d46cc55c0c647b71fe7bd2e7a85c7a7a1fc2a476d0797df8cf1ee683361720ed279c9f5a8cb8c60e477c77ff3c505c8253b11dfb77e680258880dc0c8efed406c9e7dc0c1cd445b23a16cf4dbd2944808c8518c720ff4a57024f30056c6001d71f5a6a9280752801e29327185200ef93f9d37bf3ca9f4e69a604bbf39e3920f20f4a0e036de36f4351798640981c1efd3dbfc69d9cf23f2140ec3b73e46573f8f7cf5a6ee603a138e4924719a4048c72483d71d697792792179ea69dec26394e42b1eddbb50b26d1cf0338c0c75a8b7ed38fcb8efe94ecfcc549ebe9df9a4c35b921931d47e7d4d37233d4e491c9ef4c0db3a0c023f3fd2973b1588039e071db8a1e81a0e0fb73c93f51c0e685c95391c63a83d3fcf351ab60f5c8cf4c75a797ead938c671dff00fad4c341c197923eef623af6c5296c050a0eef5ee2a3524e41c73ed481b6903a03eb521a92798546dc75cf6a566e3e6e73d39eb516f2cdc8dbc74039eb4a5c31da0e07624e2986ac7f4561904f51e948d20603680c4f3ebf85343828a55b19e01f4f414d0dbbe7ce00e99ff3ee68bf7179929620b6320e79f403fad296cb8e063d3b0a8998127b1fe2e2959d4b805863bf3c5031dbf61cf20e4fdde9eb8a01dbf75b83cfebff00eaa6643871d49e392077ff000a43f2907b670338fe54ee03ccaacb9c727269c479833b80238273d4ff009351125988e303807d2941209f97683c11d89a2fd82dd87156c3636862300f4c1f5aaf64274dfe6cab2e3ee9da06dc75edcd4e5b0ca4e081d72bd7de915b38c1048efd8f34bcc688f2188e831d36f7fc28c8745380083dbe951f9836fde07b0f4a158bf24f00f353aa05b92291b9700671c0e87ffad4bbb827238ea08c545b83a63685c9e79cd2ef50c073f5c74f6a3d02dd8915d9c8c8c63be73481d81e9b41e7df9fe5da98094233ce47534c0cc02938cd30b12b498c0e093c71fe7a52871bf91c8f5aaf3b48a84c3b4b8ec7bd3a19098c19800e7ef2a70073ff00eaa43b138725718e0e3d8d0586771209ebbb38cd445891b7700a79c93d3fcf3473bb04f278a044c189dac705719e0673ff00d6a42c4a8ec7ae3d2a24208183cb0e09eded419369519f9b383cf7a076242fbb009ddcd29619da077f5a88b01f78e4e79f6eb4d049c75c73800647f9ef401286dc391ce32074a5f34b1db8cf7c0ef4c2e3a1c8f7ff00ebd01ba8e4119185fa501624dfbb71e49c71d8f5a03edc0f41c83daa3f330476edc7ff005e80e0f38c1c9cae451ea0c7b1c7519ea79ff3ed4ad213f876cfe951194e003cfa0a40497eb91ea475a3d409049955380477e7a8a7193f85413df81d6a104850718eff00e7f5a556c138e9dc01efedf5fe74ec2263260e00e7b73f874a4c8247183ec7a8a89492a339fc062955f392c32318fa7d296c03fa7047e27ad3830208ced1d8546c4f46041c633434b82013f8019a43f41f9524ece7ea7fae2937e589ceec0e307a535fa124b107d698ed8041246793c534fa09126e1c8ce4f1dc67da9c5f3838c0ce707fad42e07cbd1b233dff00cfff00aa9c3eeff78fa9c8a07a0f04e0ed073ef9c8a71937654e549ebebf95405b0aa7d0e010334e8dbcb50781c75033fe7b530b10a38209039e94bb885039ebcfbd46ac0e18f39f52680c4b90493dc2f5cd4dec04db89014e0fae3e94799bc004b0c73cf6a8411263190071f28e2955b21b0777627aff00faba52d8a250c72580623380053376de54e149f5ff003e94d07f107b039e2937ed6ce4e4f4c0a68925538551807d73eb4ac581e43118c75ebf8545bb8c8e39e9da9439db8e41cf614b61d8764f42a411fe7fc682e495e9cf031dbbd569de5283cb4327241c9c7e35223821474723951d477a2e3db6242e00e58639c1a3a75f9703951ce7fcfad358ed3df18f5e3fcff8501b031b813ea064fb5170f41ef9e01076fe7fce8562bc8db9fe751f99f372383e9c76a3cddc3afcbcfd7db34012eec3063cb11c81e948c72323a1e4718ff26a3f308073dfd3d29c496e571e83346c21e24ea49c7182339c8a45f95c9efd7a7351171c027bf619a76f31f1818f4e68b8f61e492f8c1c0f5eb4a0ab0e7b9ce73516f3d4f03b7ab0ff0038a382075fae3a5316a4c085ce78182473c9a42c38ee369e95182c0e49273e949918c9e5bae4f3de80b122b0da46307a83f9d29241e7bf2483dbfcff005a6060fd3a9fc290b9520e7d4e074c67a6290fd09158311f28cf500d20e30b8cf3c7a8a8f764671c9f7fca84c6463009e7dff2a61624f30337cc0139c8c7ae28077312d9c633827ad34123ee8c81c63d7a75a4f30e57239ce7ef72690b71f938276e4f623ffad4a24201e7041e3f1fe550960e57691bbebd47f934bb82a86c1ce3b9fd69b0b5890b952496273db38eb4ac46dc020eefe550f99c6d27db029dd0e41046067af140fc88c67231ea793d3148594139eaa7a938cff9feb4dc839cb13c74c5372c700e71d79ff3f8546e32566dd81dfa90475ff3cd0ac148e483ea0d46df3704fe029a7e62d900118c927f5a02c4eccc4e41233cf5a8adede3809db95271df39f6a40432a8180d9e49edc53b7839cf53e828024f376b0c608e9f87ad20e080719cff005fff0055465b19393e9cf5eb4ddf8c81918e83d3de9a1ee4ecc4b0c918fcea230ab4c24db97e0e771e4d29650c327dbf0ff3fca913392ab8f6ed4ae4ec4bbcc7d4720e73de94310c30001f8d570fb791fe14a186d3cfe679a63b136f38385e073d739a4ed90b9cf05bd45461b6f3d38cfd291dca918fbbf97bd2ea1624760324ae71f5e3a52eee39ff003cd33791c11c63b9edfe7149e606c104851d70783405ae4c8420191d7f1ff3d4d26edb8e3d31c707fce6a2078c1c7a9ce3a501980c9e9dba7e9403564484ed18e0123926807248601bb71dff001a8849bb8c678ea075f5a53b9738c633d3a0a0361ec76839c038ed4fc8f5278ebf8d42abb79200ce79c5289371da14e3a73c500356222e5cf9cec39f949e2a50571c1c7cb9393dea37906368ebd7a74a4c8e80b1046e2475ce7a734c094b618e783c63e942f71d7dc8ea2a218e074cf38ce680fb88241fafb503d49cb312541e7f319a6b8704e40f7a8c1c9618273dc8fca9acca48dadc8e0827fcfa524225c118381c9cf27f5fe54d7cc911119dad8041eb8faf14d0d86e7b83c0a377196c9fd3dbfc8f7a770f41d09644c3b6f7c70700647e14f6930700f00f6fd6980af719e338c52018e0e4e79c819a407fffd9
\.

--
-- Data for Name: products; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.products (id, title, photo) FROM stdin;
7	a clock	\\xffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d1414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc00011080100010003012200021101031101ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000c03010002110311003f00fd01203820e300e700d341caee248ec3239a17b73d38e694e7e6c72b8ce71d31daba8f35262637038392d9ea323343f0dc83819ea286e393c12dd3de853b8fa60704ff009ff38a2e2b3483706c90481d08fce95d51fd718cf3f9520019895273d073c83fe4526006ce38ce4e4640a130b0b925d705bb91b7fad1819e0e7d7341c70c58e78c64fb53930b938cb1e78e3346c16004f4391db9ed4d4ce70bcf39f7a16319e3047a7bd054804907b839a5a0c0285007f5a39e493823a8c1e2939049c65719c1a55258f5c0eb8ebc7bd3b8ada0aaa546393cf4cd3707b9ebce3ad3c639cb0e47231c5358fc8016c648f7c9ebc51e4c05c61ba9f9bf4e69aca3201076fa7f3a76df94f527bfb75a3076f078ea39c834681613a8c8e4918e4134857636dee4e707248a190e739241e0014fda14907839edef4ee0341c8ca8e0e0e7148d8278e47f9fce9df7463f833d07340fb8075ed914afd406649e0f6f7e4d39b72904839e474eb463b75f4cf3f97f9ed41c1ce46dc714d8201b77fddcaf500714837055040623934a40dc71c0c74fca9db413956c03db1fd286c3a0d07e52011d7381fe7e9499d9d7920601f5ff003c5293ce71c93dfa523ed0b260638eb8a5d4760f94e58938f4f5cd3949663c83df8e6903004e0f5c82695f86ce71e9c71fe7142f30b08c148c9ebd8e7f3a1b0a47f174c8ed9e9439c127927b01d68c956fbdef9c7140acc56c2818383df1c63ad3721000491d89f5a77cdc2804fe74d0b92071e848edf4ff00ebd30f51d909d396c7a671dc505b3cfde00e73fcc669c467059b241feb4a46e61d481cf351718cc6149e707a1c751f8520c02413dfb5481be519c74c60faf7a69c2f43b883da843ea0ad9720af38e69b9f978030474a52e7d3773d6978248639e38edfe7a51742637249600f6ed4104f001ee3d452e030048273cf1c6053b6ef1c8c8279ff000a2e0c8c602e1432fa67834bc938c7ae7b1a5caf0c4065ea07402977727701b7d698f57b0c24051c9c639c0a780188e739c0fa52ee600e7e6278e94b91e4b649249e0f414857ee47b831c0c1cf3c9eb4800e08f9b23afa54887202e0e4f7181fe7b9a18ec525864f41c7d28db440357a9cfaf14160abb8e587619e453b00367e5c73cf3f9d21c0ce00cf723a1fad0d8ec55bfd46d749b0bbbebeb98acac6da269e7ba9e411c51228cb3bb13855032493c0c1af81fe317ed95e28f885717761e13b893c2de1bddb62bb819e3d4671cfef0c808f281c821146e1c1dfd87d0ffb6e6ab7163f00efe1b694c0b7f7b6b697040eb133ee65cf6076807d8915f9f5cb2f20919cf5fccd78f8fc44e9b54e0ec7cee6b8d9d0b52a4ed7ea69ddf8b3c43a8dd1b9bbf126bb757400c5c5c6ab7324a31d3e667278ed5eadf0b3f6b8f1e780759b21acea571e32f0f2011cf617ec8d73b081f3c5704072e303894b06191f293bd7c62ca39b51bf4d3ac2dae752d4a5cf9763630b4f70e71fc31a02c7f2af6cf027ec69f12fc613c4fa8da5a783f4e67c3cfaa4825b9d98fbc90464e4fb3bc7fcb3e75078993bd3b9e4615e3a5252a4dbf5dbf13ef0f0278df47f891e18b3d7f40bb5bcb0b95c063c3c4c3ef248bfc0c0f51fd306ba208bb9867a8c67a8e38af35f80bf056c3e08784eef47b3d66eb5b6bcbc6bcb89e74444f3b6ac6db1147ca311a83b8b1c83cf403d2bef7040e339cf7afa783934b9b73eda0e4e2b9f4644ea19b93f3e7838fd69e7a03bb807a03d7ffaf4cbfbc82c6ce6bb959960863695d95771da0649da065b8ec339ed5f137c41fdbdf59d69d6dfc01a55be99a796ff0090a6ac9e74d30ddc18e1560a80819cb962437dd523359d5ad0a2af37631af88a5878f3557647db858b15e991c004f3cd2ee1b80c00a467a8ff003dabf3cad3f6d6f8ad613798d79a25f601fdcdde9a7673dff772237ebf81afa43e027ed6ba57c5ad460d0359d3cf87fc4ce8cd10f343da5de3f86262436fdbf36c2a380705b071953c5d1ab2b459851c7e1ebbe484b5fb8f7c7519caf1db8ed48412090c029e08c722a4242742073d00ce0d19ec1463b0cff9e95d773bf6dc68c93c16c641c93dbd2909202af1ebf8d48d80bed8ea0fd69a17a0190781ff00d7a2e086ee24e32338e98fd3f952b7001ea0f4c9e09fc295d429258e33c7d6931cf27a0f6ce298ec3d8e09c8e38ed49b7276f007403a76ff00f5d2e54aff000900e063ad2104b6fee3b74eff00feaacc2c0ac79eb8239e7f99a4390307e627b5290081c0e0fe558be30f1a687e02d0a6d6fc43aa5b68da64270f7172d81b8f4551c9663d94649ec29eda869d4daf953dc75e4649a40760539e477c57c9de23ff008282e8d05ccc3c3de0cd4755851f6473ea374962b28cfdf002c8e01e301941e790b56bc1ff00b7e786f529d61f15f86b51f0ea92aa2e6c641a8c08a7a96daa927a7dd8db3cfb679beb349cb95c91c6b1b8672e4e7573ea605b600ca01e98effad3901241036919e33fe7fc8acbf0b789f49f1b787acf5cd0b508755d26f13cc82eed9b746e32411ec410ca54e0a904100835a8aff29e87d4574dcecd1829c6483c0ec29b93b8e06791dbe94ae48e70a33d71de95970855787eed8e942d061824679e3db9a52a0b7277763cf1f8d0c188cf05b3dbf952746c03f876a4c484008c6e393d40f5ff0039a53d3a927b1a15329e993d690aef39c93c751d6986838e09c724fa5033d01c853da91c6e9370181cf6eb9eb41193827f16ea7f0a482da1c0fc73f8583e327c35d4fc346e8585d4bb27b4bad9b843346e1d491fdd3b769c7f0b1c57cf4bfb257c39f83de1e3e24f8a1e26bbd6a084888da401ed6de69589d91c71445a695fd143e080495c038fa5fe29fc4cd2be13f822fbc43aa92eb16d8aded108f32ee76388e1407ab31c7d0066380a48f807c69e2fd6fe25f8893c43e25b91797e1365bdbaa8f22c55bef4702e3e519382c72ec00dcc7031e5e36bd1c3da538f34ba1f3f9ae2f0d824a7523cd3e8bfae87a05e7ed1f73a3e9f2691f0bfc25a57c37d2197635c9b58a5bd9b00ed628a3cb5619ce5cca49cfd4f9ceb3e28f11f89d1135bf136b9abc60604177a84be511c8c98d484270c4676e7048ce38aa4dcae0632307dff00cf4fceb6340f056bde294f334cd32e2f915b699117099ff78e066be6678cc45776bbf447c0d6ccf1b8b76537e91d3f23916f0a689c83a3581381c0b44f6f6ad4f0f5c5ef840bc9e1cd5750f0d48c7711a3dd3dba31e065a353b1fee8fbca7a57a4dafecf7e349a3dcf6505b9dd8d925ca93ff8e922b07c41f0b3c53e195325ee8b70d02024cf6ca268f1fde2573b4719f9b1f4ac6d5e9fbdaa3051c751f7fde56eba9ddf823f6b6f1cf862e10788e3b7f1a6984e5cf971d9dfa739cab20589f19fba553a7dea9fe247c2af0bfed2161aa78efe164cf1f886d943eade1fb880c124f29e436188092b00df30ca4840f981dcc7c44fdec37639f94f4fceb5fc27e2ad63c09afc3ad681782c352895a30e577248840cc722e7e7424038e39008208047a14b3072fdde27de8fe28f5f0d9dca5fb9c77bd0efd51e50e8f0cd2452c6f04913323a48855e375382ac0e0ab020820f208c524323dbb472472343344e24492262ac8ca7219586086040208e4119ed5f53f8bfc0fa4fed55a3dff8abc17631e8ff0011b4d089ace8724a8aba86506d9236c81ea1256da1b614700a82bf2e5d5a5c699773d9dec125a5d5bc8d1cf6f7085248a45e19594f20820f1dab4ab45d26a51774f6675e230f2a0d4e0ef17aa7fd753f467f64ef89777f13fe0e594fa95c3ddeb3a4cefa4df5cca4979a48d5192462472cd1491b13ce599b9af6563b86ec85c773d4d7cfbfb0ef846ebc33f050de5e234326bba9cda9242ea55923da9026411fc4b0071ece2be8161875c2fc87ad7d4526dc22e5bd8fbda0e4e945cf7b2bfdc21006d0a791df3cd28c91820039cfd697961e9cf3e828203313d493d6b536b080360eec743cf5a4c792001ce3a0c7070294f41b81c8e40a376d3819fe945d80a85802070c4f63c0ec3f0a69202f1923bd3880703a03d28501b07078e36f22a6fa156418039c93db19afcdafdaa7e26defc43f8bdad5935ddc1d0742ba3a75a596f61179d09649a6287037973226ec7dd5001c139fd266c0625987a818c9afcbbf8e1e0dd6bc39f1b7c5ba6cfa5df4d79a96b37579611dbdbbc8d791dc4af346615504bf0c54edcf31b8eaa40f3f1ce7ecd28adcf1736751e1d469adddb43cfa41850492327d7afe54fb68e5bcbdb7b1b2827bbbeb93b60b4b389a59e66eca88a0b31ebc015edba37ecbb7fa1f875bc51f14b5c8fe1f786d303ec9084b8d4ee58f223451b951d87207ef1b820a2e0e36ecfe3369df0f2ca4d3be11f82ed7c2514a9b2ebc43af20bad52eb3fec8721406e46f765e7fd5af4af1fd8469ae6af2e55dbafdc7ccfd561422a78c9f22edd7ee3d4ff640f843f13be1e5d5e5ff00882e1342f0c5e46d21f0e4aeb3dc4931036cc40cac276e460312dc07505463ea8009230a473924735f9b3e20f881e33f181235df17eb9a8a920342977f6585b18e5a280471b636a9e54e08cf5249c1459228d556f2f12340142a5e4aa001d001bb007b0ade39a51a4942116d23ae1c4384c3c553a50934bd3fccfd4021b6f2bd7f97a57c15fb4e7ed07e3e3f12b58f0adb6a17be10d274f976c1069e24b6b9bb8c657ed0d315590ab1ce3ca213b6588dd5ce7873e2af8ebc1fb574af19eb10c318e2def6517d0e001f205b80fb57e503085703382b935d8dff00c70d17e29e8f1f87be31e85f6ab28c9367e2bf0ec2cb7760e71f3b423730e00c98f706da03458e6b778fa5898f2424e2ff00aea757f6c61b1f0f674ea3a727df4fc4f96a7d36d2ee679ae604ba9e46cbcd703cc76f7666c93f9d7b07c1efda47c61f09f56b6f3753bcf10f875a45173a5ea172f70cb1ff0017d9d9dbf76e00c819da4e41033918ff00143e0beb3f0bedad358fb52788bc157e892d8789aca2c40e8c14a89979f25896c0c9c37639ca8e08aeec6781d3f4af3dcab61e7abd4f2253c560aa6ada7f83ff0033f59fc19e34d13e21f87acf5cd03518750d3a71c3c67946ee8e3aa3827054e083d6b6ce17af3cf3c738af8fbfe09e1abdc3c7f10747571f61826b1bf4404e44b324d1b93938e56da2e31eb9cd7d84bc1e171c6327a7bd7d2d1a8ea414bb9f7587abede8c6a77110f04e0804724f6a33924e06686551bb278f4c74e6b93f8b9e296f05fc2ef156b91e45c5969b3cb0043b4b4db088d41c1c12e54648e3393d2b56edab376d2573e30fda1fe2149f133e2cea1e5b87d13c3b249a669c831b5a5040b99bead20f2c727e58863059abceb92412c79e38c8a82c2c96c2ce0b742ce91a2ae475620724e79c9ea49ce6bd2be06782d7c5fe328e4b840f61a762e2647c61ce708a7d413c9cf042915f055672c55672ee7e355eacf33c6392fb4f4f25d3ee47a0fc21f8136c2d2db5af12462e669143c3a6cabf2a0ce41901ea4ff74f183ce7b7b8c71f94aa8aa11106c555e3681db1fd29485c92082076cf7a73b0da42e1720656bdaa74a3495a28fb7c3e1a9e161c94d1e79f1efc7f7bf0d3e126bfe20d31e15d4adc4496ed30042bc92a47b80ee5439603fd9e722b9bfd947e2aeb9f15be1fdd5f788409750b2be7b437890a462e176a38242e06e1bc83800636f726b89fdbd3c502c3e1de85a223859351be3338ea5a3850e4631d374919c823a639cd777fb25f868786fe04e802407cfbff0032fe5c0e3e773b39c0ea813ae7ea462bbb952a3cd6d5b3d8708ac2f335ab64ff0014be04d9f896192ff418a0d3f541b9de041b629f8f4e8ad9efc0e79f51f34dddbcd61773413a3c1344ec92c2cb864604860476c1afbbf2a36e401c1e9cff002af9ff00f696f05c767358f892d6308276fb35d94e37498ca363dc2b027d96bc2c5d056e78a3e2735c04141e2292b5b75fa9e41e0df1d6a3f0afc5367e2cd30b3bd9fcb7b668702f2d0b032c5f5c0dc87b3aaf51907ed0f177ecfdf0f3e346aba478c2facdaf3ceb68e42d6d218a2d4612aa62338c65805e87209076b640007c33c9563b49ce4e715f62fec5de229b56f84f73a44fb4ff00c23ba9cba65bfcc598db948e78b20f40a26310c7f0c43be6bb72aabcdcd427af5477f0ee27da29e12a2ba5aabfe3f8ea7bc451a43188d408e251b42afcaa3b018c53f6670dc03dc6685c1527a127f3a41b483d4e3939e41afa53efc7be3927e504e39ff0a6901413ea33cf3fad28e1492031c7040a404eec91c939ef4ee4a42a918030083d3dfda90e53a8ce0e3834808c8e9c0ce79a5dd8e320639c9e30295c761caf824139381c753d6917696c852473924669790ca0671dbfad3416dd80327b67b548f710c6371e8dce701b19fceb94f8a3f11749f84fe0ebdf126ae049f67021b5b68c8f36e667202411e7f89c81ec02963c2923aedcdc739c9c9c6715f9ff00fb437c486f8a5f14efe482513787b417934cd3173f2bc80edb99c7aee75d80824148c118ded9e5c562561a939bdfa7a9e5e658d8e030eeb3df65ea729e33f1a6bbf12bc45fdbbe25bb7bcbd036c36ea716f62a7931c28070392371cbb0c0663815905771e40ebc0ebffeaa555763b402fb8fdd51939ff1e6be8ff855f026d749821d5bc45025ddf3a2bc764eb94b73fed0e8cd8ec781cf53835f1918d5c5546dbd7b9f96d3a788cd2b393777d5be9fd763c4342f875e24f12c093699a35cdcdbb1216620246d9f4662076f5aea4fecf7e32117986ced77edcf93f695df9c7ddcf4cf6eb8afab150222a22ec0318503000af957e3c7c65f1af84bf689f0af87f41d4e3fb03fd947f67471022669a428cb2e7a9c63182300823049af52965d09bb367d261f20a355f2b936ede9fa338cf10782b5df0b86fed4d2aeac93711e6ba16889f40e3e5278ec4feb58983bcf21581cf1fa57de734115d472c53c71cf0ca36bc72265587b83dabc17e307c0e8ad20bad77c3c8238517ccb8d3914e140fbcd1fb0e095fae3d2b8aae11c17343547918bca25462e745dd2e9d7fe09c3fc28f8d3a87c2b5b8b1b9b43aff83ef039bed0dd55f21c1f31a10f81b9b3ca31d8fc83b4b17ad9f8a5fb2441ad787e0f1bfc1f95b55d0f50816f3fe11f6906e44652c4db484fd0792fc83b80618095e4fd5be670ac3bf6ff003dabddbf63cf88d3786fc693f812ea676d275a125e69919e56deed14bcd1afa2c88ad263a0689cf5735db81aeaab587adaae9e47a393635622d81c5ea9fc2faaf2bfe5f71ec9fb27fc1cbdf845f0d047acc6b1788756b83a85ec51b6ef2015558a127a1288a37638dc5f058618fb3e49200e406ff3f873fad2863c81c103b0e28098620e01eb815f4f14a29456c8fd161054e2a315a210217000519ea315e15fb675c4907c18686170b1ddead6314cb81f3aacc245e48c8f9e343f87a715eeedc124003b8cd784fed9b65249f0525b945df1596a9653cdc72a86611eefc0c8a4fa0c9ed59d7fe1492ecff239b189fd5aa5b7e57f91f1880071b7a751eb5f48fecc5a7456fe16d5b501feb66bc10b01fdd8e3523ff46357cdf8dbf31c6e193c57d15fb306ae9268face95b80922b85ba19c0243a8538e79c18c76e323f0f8bc1ff155cfca7296beb71bf9fe47b675e0f4c7507a74eb41e9c8da5bfc9a4077eec6081d73fe7de949014e700741fd3f9d7be7def99f057edc5e2a8b5ff8b363a240df268d6691ca1be50269bf78792718d861e7d7767a57dc1e15d3ed34cf0b68d65a7cd1dcd95b594305bcd09f9248d502ab2f2460a818e4fd4d79bfc7afd9d347f8d5a6a5cc722e97e24b58d96df500a48907388e51dd73ce7923271d483f317c1df8d9e21fd99fc5b7be0ff18d9dd49a247211359021a4b573cf990e480c8d9ce33839dc0e73bbb2caad35186eba1e9f2ac45151a6f58f43ef8e41e833d403f8570bf1cf4e5d43e18eae0850d0849a3663c02b22e791d7209007a9fc6baed075fd3bc53a45aea9a55d477da75dc625867879565fe8472083c83907918af3dfda2f57fb0fc3c36995df7b73143b0632429f309e4e7f8073cf51eb5e657b2a72bf63c0c6b51c3d4e6eccf96766d04800b372315f4b7ec37779d47e2069fe58013fb3eec393d778b88f6eded8f2339efbbb639f9a492fd338c0383c57d51fb0cd893a0f8e7520f19126ad1d96d03e6fdd5b47275f4ff48e9fef7ad716557fac5fc99f3dc36a5f5dd3a27fa1f4d22920f03a639348308ff7588e879ea69720904e4d0e7017040ee7debebcfd445c01cae060773d0e290c6470318e792318a524152b8071d08e9416dc3046547a67a71d281f51a114e39e4faf14a41cede4e79cf5a323218e40e7bff8f7a172c138e49ebffd6ef4ae30da19b8c9248c8fe74a4fca70474ec6804904820678f7ff003c0a444318dc48c67b5241638ff8c3e2297c21f09fc65ad40e63b9b1d26e65b7218a93308dbca018720972a011ea2bf39ac2c62d36caded2250b1431ac6a1b0380315f74fed7972f6df003c47e5395df71a740ec091947bfb7471f8ab30fc6be1e41b941c1f5da38cf1ffeaaf9acde6ef089f9ef14cdf3d2a7d2cdff005f71eb1fb3bf84e3d73c5336ab70aaf0696aacaac33ba57c85fc8027eb8afa7b190a4b700f6af1dfd98add57c17a94c7991f50646e47411c6463fefa35ec4325b27ae7273c668c2c54692b1b6574953c2c5addea2601c29ebd78af89fc760f8bbf6e8d2ed93f7d1e9f7f65b3ec8093fba85276ddd7a3060de814f4c66be95f893f1ebc13f0ae09bfb63598a7d45071a5d99135d138070501f938e85ca8ebcd7ca7f0035d6f8a1fb5bbf8ae0b1ba86d6592eeef646bbd604685a35f34f6cee033dd88c706bd6a3192529bdac7d3616128a9d46acaccfbbb21875c9a53b5919480cadf290dd08fa518c838000ec73f5a03670482aa7bfaff009c7f3ae5b2b1e7791f1e7c5cf08a783bc797f630298ece6c5d5aa91c08df3c003b2b0651ecb5c3dd6a97be1e11eb5a5bf95aae9122ea167201bb6cd11dca08eea71b48ee188ef5ef3fb52dac6351d02e830f3658a68caf19daa50afbe3e735e0f3c297704913b616552a474383c6457ce555ec6b3b747ff04fcfb10bea98c7ecf4e577fc99fa8567770ea16b05ddb4827b69e35963653f2ba900823eb9fd6a5daa460ae475c9ae33e096a72eb3f067c05797254dcdd681613c854606e6b68d8f1f535d9a82c4f5c8f41c9afbc4fa9fb42bb42e39c63eb8ae7bc7de12b6f1e78235ff000edd2af95aad94d6859973b0ba10187a1524303d4119ae88019ec0f42734d2013b41ce78240eb4680d5d599f971043776665b2d4a168353b291ed2f2163ca4f1b1471c751b81c1ee083d0d75df0cbc6f2f80fc5769a8282d6727ee6e91396311232473c918047d3deba3fdae1bc3fa17c7c9174db80f7da8d8c73eaf6c8b85b5b8002c4e5ba6e922db91d408949c06cd79980aa3a16cf7febffd6af87c453786aed47a6c7e378ea12cbb18e307b3ba3eecd3350b5d62c21bfb3996e2de74124522f4653cff005e87d3a55a58c15208c93f97e1f9d7c93f0bbe315ff80275b4b856bed1198b3db67e78c9192d193d33e8783cf43cd7d17e1ff8a7e16f14c65ac75781651f7a0b83e5483f06c13d3a8c8af5296221556aeccfabc26614b131ded2ecff004ee756cbce3939c631f4ff00f5579dfc65f81fe1ff008d1a08b3d51059ea10f369a9dba0f3a039e9cfde4393953f5183835e86ae85772e4aedc8607ad607893c7da0784437f6b6a90c1228cf9432f2fe08b93d08ed8aeae7f67ef5ec7a5ed551fde735add4e7be0a7c27b4f82de07fec18352975226e24bb9eea6508accc147ca993b142aaf1b8f3939e6bc47e377c443e37d7fecb64ea74ab02c90b03c4cc7ef49c7047185f6e7be2affc4ff8e775e318a5d334988e9fa4c84ab393fbe9c74c1c70aa7baf278e4e0e2bca828087b16cf6af23178bf6beec5fa9f1f9a667f59bd3a6ee9eefbffc0239a45b68649256f2d114962dd303a93f957ddbfb2d78565f087c0ef0d2dc214bfd4e23abdd290c195ee09942153d0a2322631d53bf53f2b7c02f840ff17bc78897f6ee7c1fa3b25cea72328d978f93e55a02782091ba4001f900538f301afd010b85da08f41cff008f4af572ba0e9c5d5975dbd0fa5e1bc0ca8d29626a2f8b6f4ff822ec5ee3a7a8fe94d09e60033b4e7f114e61f31072df87d69a83e7e09e0e08079af76e7d96b6141c3e40239cf34e51b57918f50693aa640e791cd0a8323738193d3bd21813cfafd0ff009f534300091d18f1803a7a50a8003d179ff3fe7e948108c9c01c673eb4c036aaa9ce327af3fe7de81c139e9e87bf34e719f9541c91c01fe7ea69707ef1393c746a8b86a7937ed51a2dcebdf00fc5d15aa979ad618751da06e2c96d3c772ca0123922123f1e013c1f845591e3565c3c6c3219318e46723d6bf50ee2dedeeede48268d25b7954a3c722864742304107a8232315f995e22f06dd7c34f14eade10bc2f249a2ce208677c667b6237412e7a65a32b9c701d5c76af0735a4e518d45d343e1b8a30ce50a7885d347f3d8f74fd97b5d4fb1eb5a2c926244916f22563c9046c73c0e836a0fc4537f6a5d37e296b369a2d878004ff00d9f72cf15f7f67ccb15c076e13739236c78279040cfdeed5e33e14f135cf83f5fb2d5ad0179a09013107c0910fde438ec4122bec5f0af8a2c3c61a35b6a962dbe19572c848dd1bf746c6707ffd7deb0c0d7564baa39724c62e454dfc51efdbfe01f30fc37fd852d4325f78f7577bb9dc891b4dd324da839ce2498aee6272410a060f4635f4ff00857c1fa2781f484d3b41d2ed74bb05e91dbc78de7d58f563ee4935b04800020e0f27a714cda76f0339ec7d7fcff3af4a552537ef33e8aa57a957e263f790738c823b0a691c01c9238031f98c50c19831c924f704fad73be3ef1cd8f807419afae5c1b8752b696c4fcd3c98e0003f847049ec3f0ac5c9415dec73549c6945ce6ec91e05fb4678860d57c6b158c244834f804523039f9dbe623f00474f7f4af1fd5e630695772827e5898a94c96dd838c639ce781df9c0ad0bdb99afeee7b99e432cf3c8d24921e4b313927f335d6fc0cf0337c47f8bfe1dd2bcaf374cd3e45d67522cb95f2a16062439183be61102bdd449e86bc1845e2710add59f034a32cc71a92fb4fee5ff000c7de7e05d2ce87e05f0ee9ed6cb626cf4eb6b7fb32a8511ec89576e0703182303a56ebb16cb0ca81f8f14f20672cbff007cf7a403099eab8e09e715f6e7ed2b61b82abd074e9c7a7ff5abc2ff006a5fda2a2f835e1bfecbd19927f1aea909361132ee4b58f3b4dcc99e30a4fcabcee618c60311eec40c0da31ce060f4af96bf6befd9afc41f13f5dd2fc61e1344d4356b5b31a6dd69924cb119a0123c88f13b90a195a470558a8208f9863072aae6a0dc16a7362a5563464e8abcba1f0e4f24d2dcdddf5f5d49797770ed71777b74fbe49a4272d23b73926bd5ed7e17f8ef4df87163e35bed0a49bc3376864134259aeeda1c80934d0150446d9dc194b6170cc14735eb5fb3dfec65ae7fc2496baffc48d3ad6cf4fb27f321d0249d2e5ae651f75a7285a311a9c3040cc58e376002adf6b2f24818c8f7af2e1815562dd7dd9f314326589a6e58cddeddd799f9710cd15c46af14892c6ff32b2b02ac31d8f4c5398f04e7e63f957da7f103f640f04f8ba69efb46fb578375599de57b8d29835bcce7bc96ef94c13c9281189fe2af17d4ff00639f895633dc2d8de786759b588b7932b5d4f693ccb8e3f746175563d00f348ff6876f32ae595a0fdcf791f3789e1cc65197eead35e5a3fb9ff99e2a5dc284e428cf53c03dff00952124840d8fa57a80fd973e2a0660de1eb20060ef3aa4401ebc7e1f972393ce2cdbfeca1f14efa6953fb3b45d342a97335d6a5bc1c6308163424939ee40ebcf63ccb0588bdb90e159363db4bd93fc0f270d96040f53fd719aef3e087c1fd4be35eb71790b7163e148589bad715008e420e0c36ec7fd6392082c0144c1c9dd846f0683c4f79ace9f134e4425d712c2a31861c329cf3c10463f3afbcbf613f1a0f10fc1fb8f0fcce1af7c3b7f2dbed2cc5becf2b19a2273d8177400741174ee7b3078484eadaaf4e87a9946574eae21c713ab8f4e9a773df7c37e1ed37c21a159e8fa3d9c761a6daa79705bc6080a3a9393924939258f24924924935a27e65000191cfe94ec16eb800f1f5ef4a000300e31c64f3fa66beab63f4c4ada2187019492318eb4ec11c95248ea3d7d29ccb918e3a6319a615cc801fbc0f6a5b8fcc4e011c13c74cff9e69c176e79273d7d7ad20007006324738a06723049cf19eb8a371810a181e33d86691d3206392402431c7e54acbc7201cfaf73fe7f9d0705b3827048622985ac3b20f1e8739e949939cf27008ec29776ece3d3d79a456deca33c9fc7ff00d5503b0a412154900fae2be7efdaafe0bda78b74897c7305f41a76aba169f2899ae59521bbb553e6796ee4fc8c9890a1e999181e1b72fd04703180338c9af86ff6d9f8e87c45acff00c2bcd12ef7699a6c824d6a68a461f68b81cadb12382b1f0ce39cbed070636079f10e0a9bf69b1e76612a2b0d355d5e2fa773c660992ee08e58df72300467fafeb5d1f82bc75ab781f54177a6cdf2f49addb2d1cc38e187e58239ae27e19785fc47e3df16daf86fc316c9797d711c93b4771218e08a2400b48ee15b68c954071cb3a8c73c6cebb697de11d5974cf11e9b73e1dd509611da6a49e50976b60989fee4abfed46cc3debe45d1ab0fde453b773f269e0b13878ac4534f97a347d21e1dfda6744bd800d5f4fb8d3ee157968409a373c7b8209e78238f5ad7ff008686f06a118b9bbe57763ecc4639af9549c37cd8271924d2313951c1f6cf4ab58caab4d0de39c62a2acecfe47d07e21fda7ad921922d0b4892472a42cf7cc1029e307cb5ceeefd587415e21e23f13ea7e2cd49afb56bc7bcb8230bbce1507a2a81851ec3eb59ad9192001c743deb22e3c5361196586e63bb9d70592170db4f6c9edd2b2954a95f47a9c7571189c6e92775e5b7f5ea6e59595d6a97d6963636b3dedfddc9e55b5adb8cc92b9cfca07d32493800024900135f72fecddf0625f841e11ba1aafd926f13ead71e7ea13db92e8aab95821572012a8a7d31b9e43fc5cfcfbfb06789b4ad4bc79e2cd3f52b5b64f118b58ee34dba6259cda16db3c480f0bb5c46c48e5b70cf0831f6e6c52471df079fcabe8701868d28fb46f57f81fa164196430d4d621bbce4bee5dbfcc03fcd90cd18cf18c73fe7da9483bb3f78ff009ef46c2980700671cd05415c93cf503a1af5efa9f5ac45ca90338e3918068c1c0ce01f43dbf2a70001272067b1ef48b9ce3185f5e79fd686c1010700e47538fc28077852abcfa1039ff3c5286da0851b4f7a3a71b88079c679345c42603038cb0c7a51821141f5ea7d294b36090073df34de19703919a062b1ca93f788ebfe7f0a0e19413bb0063069c5437070073827b8cd46c703a7cdc601febfe7bd00b53f2eff0068df87cff0d3e3af8af4e583cad3b529ff00b674fdaa151a29c9670a070024be62e3b003a02057a8fec05757ebf183c4d040241a5be8424bc65394f396e145b86f7dad738cf3d7df3f63fc48f84be13f8b5a64161e2bd162d5a185cc90b191e29613900ec9636575ce0640600e06738ab3f0ff00e1a7867e1768ada4785b498348b2694cce1199de57c01b9e47259ce0019624f005712c3dab7b54cf16196f2633eb2a5a76f53a68f287a63d698092ca0f719ce39a5c028093953ce4f4ff00f5d296030c73bba671db3cd769ed0367cc3b5471c601fe7403973dce6971c646e7ed907f3fc29ac71f28c607e639a05d43665810b9e29581c16c9cfaf603fcf14bbb2719e0d3594e0738cf4c509ea161724e00eb8ec7a5295239ec7d29a186d03f0cf5a37f007438e73415b6c381c0249233fc54dc678dd8f51d2941ff006f18ee68dc1ba63d38ef487b0d1c8e48c802bf27bc4df073c71f0ffc573f85b50d0359d5b53170c2def2caca5b88f520cd912a3a82096ce4ee390490d820d7eb20386c8e5b3f5cf14739e0e78eff004ac2b525595a470e2f074f191509bb5b53c47f656f80bff0a63c18f71abc51ff00c25dac959b51923937a408b9f2ad90e3042062491d5d9ce48db8f60d6343d37c4b612e9fabe9f69aad8cc0ac96b7b024d14808c728c0823f3ef57d4f233924f3d7d2909e718ce3bf4ad6294528a3aa14a34a2a115a23c4357fd8dfe195e8cd8e9fa8688ed9c9d3b549c2027d23919d140eb80a3df358367fb0d784e19b7cfe2af15dd4418621696d1038c746296c1baf7523d3dcfd1b8241c1da4feb4995098ce7d8d64e85293bca0bee392780c2cdf34a945bf4478d787ff641f865a0df1b9b9d125d7dfa04d76e1eee151c1c792c7cb3d072ca4fbe2bc7ff006e8f84565a5f86740f1ae89636f6169a36dd2ef6ded6258a35b6965fdcb00a00012672b8e9fbf27b57d8c01f6ce739c56278bfc21a578f3c31a978775db417da4ea317913c39232a4e4104742080411c8201a72a51e4704b42aa61294a8ca8c62927d958fca2f0a78d6fbe1af8c343f18e9e035ce8b71f686854e3cf808c4d113fed2161f502bf5d89249248233dba0e6be57f04fec0ba37877c610ea5acf89a7f1268f6b279d0e98f62b0b39072a2695642245070485440d8c1e0907ea90774791d41ea7a0acb0d4e74a3cb238f2cc2d6c2d370addf4b012067a6ef563f5a0286da09c718cfad2b01919057a104f63eb4a796e0f439e99c0ff26ba8f66c0067a1c9ce40f5f6a4ca8036921b1db8a562d8c8273dc6698c41c8661b4e391dfad310a0ff00b3c1ea40e4f7343152e33f4c01d291882c78e0f1c5286dc181da0faff9ff003d68b8580292703183db3df1ff00d6a71c8e871eaa7d71e9498c6dce0e0727fcf6e28ce57383bb1eff009d1b8fd409c8c9cb605200548c15047507bd29efb98af6e78e94aa00c004639e4ff9f6a2f601a40c90a71d80ee28d990324e33d00a5dc71d46704d076aa819c93f8ff9ff00ebd1716c19de4a2923d71d68572ca416e48e73da9b808b8c6703bf6e94e3b40ceee3af27a7ff005e8f20d01810e371047423ae3af1415de4f719edc0f5a507040fbc7a01d29300a907eefb7bd2b8d2108e030200c679ef42e3db27a538125b918cd057d0103b1079a2e021dc0903e61cf3ebfe348bf292dc75ce7d052b1017240e9d7a0ed4d63b49040231d0f34ee22455c7fbc7df348a385c8e38239a503073f88c9c7a5201d3237639cfafe95050a572b8ce3b6474e9d280372862369faf4f5a146d23af19c9eb8a5e00cfcc57a60ff8517010e360e4e071807dbf5a366413c60763f4ff00ebd215c267904f6fe740cc8dd4007a0c678a061b7728e3a7504d0400db80e319041c7bd2aeecaf3c807fce29383f7406fc29dc9144638232b80721a8da4b123007a8f5a19c90707a8ee7028676ea704fb52eb71d8523e5c67e6f6a4524f20608ef9ff3e94039518efef8c7b50a060f27a827ae0502d040006cf4663fe7fad381c64107711d7a535720fbe3f1a07ccccc03000f1cd00218c641edc7f3a795f988fbd9eb91d3fcfb522fdcc71b8f5231cfa5220046e63f5ec6985ae18e06400077c77a503729048e391ef40e40c71c740323d284c36376171c7d295c60140ce475e9d38a468db076f2d9ee7fcf6a40b9e49ce393c75a7007938e3240da6985c4c6e390703d48ce2940ce700f1ebce0519debb4a9fcfbd359b030ac5bd0f7e68b8798a8832a73c1c124fa52ecc1ce7b7526932369db839e338c7e34e5e3e6cf1ce075a2fd58842a1b91c9e993e9fe714b8c29e7820722902857f7ea47414b9dc17239fae3b5201831bb38206411cd3c20c2fa67271c9a692060a81ea5a970773678c8ec338ff3c5000103311cfa73c73fe4d0eb9cb7b74c719a41f740e369fce9c1b0704e0e79c74c53bd80691b083b8edc0e47a52b9dac0f7ebc7aff00934e04061ce33e9cf34d0037382323aff9fad2b8cc31afcfc1648fdfe53d7f3a46d7a551f3471f1e8a7fc6b2c12c318033c7d39f4a707c939c67d6be1febb5ff009d9f49f56a5fca697fc2413b73b221b79fba78fd694ebf70c30123e7d8d65127190bbf1d052024965200fc71f5a5f5dc47f3b1fd5a8dbe1459bdd63569197ec6d6d12007779809e78efcd5b3e20b8c93b23fc9ba7e759a0e48c74f403a53598104803381c50b19884efcec7ec293fb28d53af4e3a2c7918c8da7fc694ebf3f3ba38c73e8707bfad656739071e801a0ed7c02371edcfad1f5cc47f3b27eaf47f94d55d7275c1c458edb54f3d7de9a75fb80cc4226e03d09feb598187723206091c1fd3e9487009c0cb7614d63711fcec7f57a3fca8d6fedc9b19091e33d3691f9734835d9f763118e4f383e9f5aca24ecc367b5024dcc0f3823938cd258dc47f3b0587a3fca6aff006f5c024948c8ff0074f27f3a41af4db70510371c8539fcf359b920f4247703da9a1b7e3b7618e68faee23f9d87d5e8ff00296ef3c47a8c08bf67b78a57efb89000ff00bebeb53a6bf75e4c7be2895ca82c39e0fe759e872fd48c8edc5353e6071db9c30eff00e7f951f5dc45fe361f57a5fca8d56f104d8c18e2c9c763fe34835db8c9fdd44a17a641fa7ad658200c0ea09e08a796dabcf4c7e18a3ebb88db9d87d5e92fb24f7de26d462702ded21986324b1db8ff00c7aad7f6edc02762427903a1e3f5acc1b4f1907d723141201dab823a0c7142c6e213f8d87d5e97f29aa9af4c1170a8573c10a7fc68ff0084826070162e477cff008d65b390a30b82bdb1de915c3718e40e98cf3f4ff3de8faee23f9d93f57a5fca6a8d76776394880cf0483c7ebd79a175f9c10db23f4c004e3f5aca67ea783d3047e941942918031ce4f6a3ebb88fe7657d5a97589a835f9813f2c781ce4a900feb436bb3b305f2e320f6da7fc7fcf359684ed00637e3f88f4a69638e08404775ce451f5dc45fe361f57a5fca8bd79e25bdb755782cd2e589e40046d1d73ce6a58f5fb996152f1471b3202571f77dbad673124124e07a673417183db3dc9ff3fe452faee23f9d8feaf49ed13547886607fd5c79ea4e0ff8d236bb39e7cb887a020ff8fbd65972171827b7d39e9481b182473fc8fd69fd7311fcec9fabd2dd44d51e2199705638cf5fe13f9f26a2bdf10df4684db5bc524a71f236471f9ff9cd51500e33d4f1bb3481c823e61eb8e98a3ebb88fe761f57a57bf2a23c823b9c7f3a383904018f5ef51863c32e0fb1f5a0481b04f4fbbc1ebfe7d2b84ead89320678c71c01d3e828560c0632be98a60738e79ce48cf3cd26fcaee5279f7ec7da8dc6498048206471ce7834336dc9c647f771ed51fddf9739e3ad2a955c0e43639c76f5e69dfb8870520e064919e3f9d3800ca72372f727fc2a11863927dfad3b76f1c1619e3e6ea295c63b77600fb114ac7e623ef60e79fd6a30c4e4e49039e4f5e94d92430a4aca37b28ced03afe145c44cd82768ce57d7f9519521947cd839e7bff9c554b2b93700b3c26120f4718ddf854db8e410471ce314263b3d89032eec739c639eb8f5a1d86dc609fee8cd31891f75874c704714150e146718ea41eb47a86db8fe14b3282dc77141232486258f71da984e5b19edd2947df3827703e9fe7da8bdc43c7cd8382171d3d0d341031c9da075079a6bb6181e3ae3b7e342b28dbc838f7fe94eec2c48cccc060127a7029439eb823201c019cd40ad93c1c638cd395c03b89f9476ff003f8d2b8fd09725812d9c6324633c7b535cfca0e707a8e2a362176918fe54a7939c0538c607f5a01920914719e7b8346fc9ebc924f06a31c9e319c9fce9723bf18c74ff003fa51710fdc320ede87919e7f0a557f948273cf4c9a8376e24e39c64629c597033cb0ea3b50161ea40218e78e3814cb9be8ad9879ac103fddcf527bd0c06ef9477ebeb50cd0472fcb222ca01e3cc40d8fa7e543f21ab5f52d2bab460863cf73d314bd1caa8273fa1fe95128083d0038e070694f09920f7c67bd170b0f4939e00c0cf07bd018e481c638078e09cd46e431c704139e7fcfe9480f0bc7232320e7bfa50030387ce73ea0e334646d254e41f4e7f9d46cc55c0c647b71fe7bd2e7a85c7a7a1fc2a476d0797df8cf1ee683361720ed279c9f5a8cb8c60e477c77ff3c505c8253b11dfb77e680258880dc0c8efed406c9e7dc0c1cd445b23a16cf4dbd2944808c8518c720ff4a57024f30056c6001d71f5a6a9280752801e29327185200ef93f9d37bf3ca9f4e69a604bbf39e3920f20f4a0e036de36f4351798640981c1efd3dbfc69d9cf23f2140ec3b73e46573f8f7cf5a6ee603a138e4924719a4048c72483d71d697792792179ea69dec26394e42b1eddbb50b26d1cf0338c0c75a8b7ed38fcb8efe94ecfcc549ebe9df9a4c35b921931d47e7d4d37233d4e491c9ef4c0db3a0c023f3fd2973b1588039e071db8a1e81a0e0fb73c93f51c0e685c95391c63a83d3fcf351ab60f5c8cf4c75a797ead938c671dff00fad4c341c197923eef623af6c5296c050a0eef5ee2a3524e41c73ed481b6903a03eb521a92798546dc75cf6a566e3e6e73d39eb516f2cdc8dbc74039eb4a5c31da0e07624e2986ac7f4561904f51e948d20603680c4f3ebf85343828a55b19e01f4f414d0dbbe7ce00e99ff3ee68bf7179929620b6320e79f403fad296cb8e063d3b0a8998127b1fe2e2959d4b805863bf3c5031dbf61cf20e4fdde9eb8a01dbf75b83cfebff00eaa6643871d49e392077ff000a43f2907b670338fe54ee03ccaacb9c727269c479833b80238273d4ff009351125988e303807d2941209f97683c11d89a2fd82dd87156c3636862300f4c1f5aaf64274dfe6cab2e3ee9da06dc75edcd4e5b0ca4e081d72bd7de915b38c1048efd8f34bcc688f2188e831d36f7fc28c8745380083dbe951f9836fde07b0f4a158bf24f00f353aa05b92291b9700671c0e87ffad4bbb827238ea08c545b83a63685c9e79cd2ef50c073f5c74f6a3d02dd8915d9c8c8c63be73481d81e9b41e7df9fe5da98094233ce47534c0cc02938cd30b12b498c0e093c71fe7a52871bf91c8f5aaf3b48a84c3b4b8ec7bd3a19098c19800e7ef2a70073ff00eaa43b138725718e0e3d8d0586771209ebbb38cd445891b7700a79c93d3fcf3473bb04f278a044c189dac705719e0673ff00d6a42c4a8ec7ae3d2a24208183cb0e09eded419369519f9b383cf7a076242fbb009ddcd29619da077f5a88b01f78e4e79f6eb4d049c75c73800647f9ef401286dc391ce32074a5f34b1db8cf7c0ef4c2e3a1c8f7ff00ebd01ba8e4119185fa501624dfbb71e49c71d8f5a03edc0f41c83daa3f330476edc7ff005e80e0f38c1c9cae451ea0c7b1c7519ea79ff3ed4ad213f876cfe951194e003cfa0a40497eb91ea475a3d409049955380477e7a8a7193f85413df81d6a104850718eff00e7f5a556c138e9dc01efedf5fe74ec2263260e00e7b73f874a4c8247183ec7a8a89492a339fc062955f392c32318fa7d296c03fa7047e27ad3830208ced1d8546c4f46041c633434b82013f8019a43f41f9524ece7ea7fae2937e589ceec0e307a535fa124b107d698ed8041246793c534fa09126e1c8ce4f1dc67da9c5f3838c0ce707fad42e07cbd1b233dff00cfff00aa9c3eeff78fa9c8a07a0f04e0ed073ef9c8a71937654e549ebebf95405b0aa7d0e010334e8dbcb50781c75033fe7b530b10a38209039e94bb885039ebcfbd46ac0e18f39f52680c4b90493dc2f5cd4dec04db89014e0fae3e94799bc004b0c73cf6a8411263190071f28e2955b21b0777627aff00faba52d8a250c72580623380053376de54e149f5ff003e94d07f107b039e2937ed6ce4e4f4c0a68925538551807d73eb4ac581e43118c75ebf8545bb8c8e39e9da9439db8e41cf614b61d8764f42a411fe7fc682e495e9cf031dbbd569de5283cb4327241c9c7e35223821474723951d477a2e3db6242e00e58639c1a3a75f9703951ce7fcfad358ed3df18f5e3fcff8501b031b813ea064fb5170f41ef9e01076fe7fce8562bc8db9fe751f99f372383e9c76a3cddc3afcbcfd7db34012eec3063cb11c81e948c72323a1e4718ff26a3f308073dfd3d29c496e571e83346c21e24ea49c7182339c8a45f95c9efd7a7351171c027bf619a76f31f1818f4e68b8f61e492f8c1c0f5eb4a0ab0e7b9ce73516f3d4f03b7ab0ff0038a382075fae3a5316a4c085ce78182473c9a42c38ee369e95182c0e49273e949918c9e5bae4f3de80b122b0da46307a83f9d29241e7bf2483dbfcff005a6060fd3a9fc290b9520e7d4e074c67a6290fd09158311f28cf500d20e30b8cf3c7a8a8f764671c9f7fca84c6463009e7dff2a61624f30337cc0139c8c7ae28077312d9c633827ad34123ee8c81c63d7a75a4f30e57239ce7ef72690b71f938276e4f623ffad4a24201e7041e3f1fe550960e57691bbebd47f934bb82a86c1ce3b9fd69b0b5890b952496273db38eb4ac46dc020eefe550f99c6d27db029dd0e41046067af140fc88c67231ea793d3148594139eaa7a938cff9feb4dc839cb13c74c5372c700e71d79ff3f8546e32566dd81dfa90475ff3cd0ac148e483ea0d46df3704fe029a7e62d900118c927f5a02c4eccc4e41233cf5a8adede3809db95271df39f6a40432a8180d9e49edc53b7839cf53e828024f376b0c608e9f87ad20e080719cff005fff0055465b19393e9cf5eb4ddf8c81918e83d3de9a1ee4ecc4b0c918fcea230ab4c24db97e0e771e4d29650c327dbf0ff3fca913392ab8f6ed4ae4ec4bbcc7d4720e73de94310c30001f8d570fb791fe14a186d3cfe679a63b136f38385e073d739a4ed90b9cf05bd45461b6f3d38cfd291dca918fbbf97bd2ea1624760324ae71f5e3a52eee39ff003cd33791c11c63b9edfe7149e606c104851d70783405ae4c8420191d7f1ff3d4d26edb8e3d31c707fce6a2078c1c7a9ce3a501980c9e9dba7e9403564484ed18e0123926807248601bb71dff001a8849bb8c678ea075f5a53b9738c633d3a0a0361ec76839c038ed4fc8f5278ebf8d42abb79200ce79c5289371da14e3a73c500356222e5cf9cec39f949e2a50571c1c7cb9393dea37906368ebd7a74a4c8e80b1046e2475ce7a734c094b618e783c63e942f71d7dc8ea2a218e074cf38ce680fb88241fafb503d49cb312541e7f319a6b8704e40f7a8c1c9618273dc8fca9acca48dadc8e0827fcfa524225c118381c9cf27f5fe54d7cc911119dad8041eb8faf14d0d86e7b83c0a377196c9fd3dbfc8f7a770f41d09644c3b6f7c70700647e14f6930700f00f6fd6980af719e338c52018e0e4e79c819a407fffd9
\.

--
-- Name: attachments_attachment_id_seq; Type: SEQUENCE SET; Schema: blip; Owner: blip_owner
--

SELECT pg_catalog.setval('blip.attachments_attachment_id_seq', 2, true);

--
-- Name: models_model_id_seq; Type: SEQUENCE SET; Schema: blip; Owner: blip_owner
--

SELECT pg_catalog.setval('blip.models_model_id_seq', 1, true);

--
-- Name: active_models active_models_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.active_models
    ADD CONSTRAINT active_models_pkey PRIMARY KEY (role);

--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

--
-- Name: attached_rows attached_rows_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.attached_rows
    ADD CONSTRAINT attached_rows_pkey PRIMARY KEY (attachment_id, key);

--
-- Name: attachments attachments_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.attachments
    ADD CONSTRAINT attachments_pkey PRIMARY KEY (attachment_id);

--
-- Name: captions captions_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.captions
    ADD CONSTRAINT captions_pkey PRIMARY KEY (image_id, caption_id);

--
-- Name: failed_files failed_files_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.failed_files
    ADD CONSTRAINT failed_files_pkey PRIMARY KEY (uri, space);

--
-- Name: files files_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (uri, space);

--
-- Name: image_tokens image_tokens_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.image_tokens
    ADD CONSTRAINT image_tokens_pkey PRIMARY KEY (image_id, model_id);

--
-- Name: image_tokens_1 image_tokens_1_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.image_tokens_1
    ADD CONSTRAINT image_tokens_1_pkey PRIMARY KEY (image_id, model_id);

--
-- Name: image_vectors image_vectors_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.image_vectors
    ADD CONSTRAINT image_vectors_pkey PRIMARY KEY (image_id, model_id);

--
-- Name: image_vectors_1 image_vectors_1_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.image_vectors_1
    ADD CONSTRAINT image_vectors_1_pkey PRIMARY KEY (image_id, model_id);

--
-- Name: images images_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.images
    ADD CONSTRAINT images_pkey PRIMARY KEY (image_id);

--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (image_id, stage, model_id);

--
-- Name: models models_name_digest_key; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.models
    ADD CONSTRAINT models_name_digest_key UNIQUE (name, digest);

--
-- Name: models models_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.models
    ADD CONSTRAINT models_pkey PRIMARY KEY (model_id);

--
-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);

--
-- Name: later later_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.later
    ADD CONSTRAINT later_pkey PRIMARY KEY (id);

--
-- Name: products products_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (id);

--
-- Name: attached_rows_due_idx; Type: INDEX; Schema: blip; Owner: blip_owner
--

CREATE INDEX attached_rows_due_idx ON blip.attached_rows USING btree (attachment_id, run_after) WHERE (state = 'p'::"char");

--
-- Name: attached_rows_image_id_idx; Type: INDEX; Schema: blip; Owner: blip_owner
--

CREATE INDEX attached_rows_image_id_idx ON blip.attached_rows USING btree (image_id);

--
-- Name: attachments_source_idx; Type: INDEX; Schema: blip; Owner: blip_owner
--

CREATE INDEX attachments_source_idx ON blip.attachments USING btree (source);

--
-- Name: files_image_id_idx; Type: INDEX; Schema: blip; Owner: blip_owner
--

CREATE INDEX files_image_id_idx ON blip.files USING btree (image_id);

--
-- Name: images_metadata_idx; Type: INDEX; Schema: blip; Owner: blip_owner
--

CREATE INDEX images_metadata_idx ON blip.images USING gin (metadata jsonb_path_ops);

--
-- Name: images_space_idx; Type: INDEX; Schema: blip; Owner: blip_owner
--

CREATE INDEX images_space_idx ON blip.images USING btree (space);

--
-- Name: jobs_ready_idx; Type: INDEX; Schema: blip; Owner: blip_owner
--

CREATE INDEX jobs_ready_idx ON blip.jobs USING btree (stage, model_id, run_after) WHERE (state = ANY (ARRAY['p'::"char", 'r'::"char"]));

--
-- Name: image_tokens_1_pkey; Type: INDEX ATTACH; Schema: blip; Owner: blip_owner
--

ALTER INDEX blip.image_tokens_pkey ATTACH PARTITION blip.image_tokens_1_pkey;

--
-- Name: image_vectors_1_pkey; Type: INDEX ATTACH; Schema: blip; Owner: blip_owner
--

ALTER INDEX blip.image_vectors_pkey ATTACH PARTITION blip.image_vectors_1_pkey;

--
-- Name: products !blip_attach_1_delete; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_1_delete" AFTER DELETE ON public.products REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION blip._attached_removed('1');

--
-- Name: products !blip_attach_1_insert; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_1_insert" AFTER INSERT ON public.products REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION blip._attached_added_live('1');

--
-- Name: products !blip_attach_1_truncate; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_1_truncate" AFTER TRUNCATE ON public.products FOR EACH STATEMENT EXECUTE FUNCTION blip._attached_emptied('1');

--
-- Name: products !blip_attach_1_update; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_1_update" AFTER UPDATE OF photo, title, id ON public.products FOR EACH ROW WHEN (((old.photo IS DISTINCT FROM new.photo) OR (old.title IS DISTINCT FROM new.title) OR (old.id IS DISTINCT FROM new.id))) EXECUTE FUNCTION blip._attached_changed('1');

--
-- Name: later !blip_attach_2_delete; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_2_delete" AFTER DELETE ON public.later REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION blip._attached_removed('2');

--
-- Name: later !blip_attach_2_insert; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_2_insert" AFTER INSERT ON public.later REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION blip._attached_added('2');

--
-- Name: later !blip_attach_2_truncate; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_2_truncate" AFTER TRUNCATE ON public.later FOR EACH STATEMENT EXECUTE FUNCTION blip._attached_emptied('2');

--
-- Name: later !blip_attach_2_update; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER "!blip_attach_2_update" AFTER UPDATE OF photo, id ON public.later FOR EACH ROW WHEN (((old.photo IS DISTINCT FROM new.photo) OR (old.id IS DISTINCT FROM new.id))) EXECUTE FUNCTION blip._attached_changed('2');

--
-- Name: active_models active_models_model_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.active_models
    ADD CONSTRAINT active_models_model_id_fkey FOREIGN KEY (model_id) REFERENCES blip.models(model_id);

--
-- Name: attached_rows attached_rows_attachment_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.attached_rows
    ADD CONSTRAINT attached_rows_attachment_id_fkey FOREIGN KEY (attachment_id) REFERENCES blip.attachments(attachment_id) ON DELETE CASCADE;

--
-- Name: attached_rows attached_rows_image_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.attached_rows
    ADD CONSTRAINT attached_rows_image_id_fkey FOREIGN KEY (image_id) REFERENCES blip.images(image_id) ON DELETE SET NULL;

--
-- Name: captions captions_encoder_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.captions
    ADD CONSTRAINT captions_encoder_id_fkey FOREIGN KEY (encoder_id) REFERENCES blip.models(model_id);

--
-- Name: captions captions_filter_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.captions
    ADD CONSTRAINT captions_filter_id_fkey FOREIGN KEY (filter_id) REFERENCES blip.models(model_id);

--
-- Name: captions captions_image_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.captions
    ADD CONSTRAINT captions_image_id_fkey FOREIGN KEY (image_id) REFERENCES blip.images(image_id) ON DELETE CASCADE;

--
-- Name: captions captions_model_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.captions
    ADD CONSTRAINT captions_model_id_fkey FOREIGN KEY (model_id) REFERENCES blip.models(model_id);

--
-- Name: files files_image_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.files
    ADD CONSTRAINT files_image_id_fkey FOREIGN KEY (image_id) REFERENCES blip.images(image_id) ON DELETE CASCADE;

--
-- Name: image_tokens image_tokens_image_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.image_tokens
    ADD CONSTRAINT image_tokens_image_id_fkey FOREIGN KEY (image_id) REFERENCES blip.images(image_id) ON DELETE CASCADE;

--
-- Name: image_tokens image_tokens_model_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.image_tokens
    ADD CONSTRAINT image_tokens_model_id_fkey FOREIGN KEY (model_id) REFERENCES blip.models(model_id);

--
-- Name: image_vectors image_vectors_image_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.image_vectors
    ADD CONSTRAINT image_vectors_image_id_fkey FOREIGN KEY (image_id) REFERENCES blip.images(image_id) ON DELETE CASCADE;

--
-- Name: image_vectors image_vectors_model_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.image_vectors
    ADD CONSTRAINT image_vectors_model_id_fkey FOREIGN KEY (model_id) REFERENCES blip.models(model_id);

--
-- Name: jobs jobs_image_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.jobs
    ADD CONSTRAINT jobs_image_id_fkey FOREIGN KEY (image_id) REFERENCES blip.images(image_id) ON DELETE CASCADE;

--
-- Name: jobs jobs_model_id_fkey; Type: FK CONSTRAINT; Schema: blip; Owner: blip_owner
--

ALTER TABLE ONLY blip.jobs
    ADD CONSTRAINT jobs_model_id_fkey FOREIGN KEY (model_id) REFERENCES blip.models(model_id);

--
-- Name: attachments addable; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY addable ON blip.attachments FOR INSERT WITH CHECK ((pg_has_role(( SELECT c.relowner
   FROM pg_class c
  WHERE (c.oid = (attachments.source)::oid)), 'USAGE'::text) AND (NOT row_security_active('blip.images'::text)) AND ((kind = 'content'::text) OR (EXISTS ( SELECT
   FROM blip.settings s
  WHERE (s.name = (('attach_'::text || attachments.kind) || 's'::text)))))));

--
-- Name: captions addable; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY addable ON blip.captions FOR INSERT WITH CHECK (((origin <> 'synthetic'::text) AND (itc IS NULL) AND (itm IS NULL) AND (text_vector IS NULL) AND (filter_id IS NULL) AND (encoder_id IS NULL) AND (EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = captions.image_id)))));

--
-- Name: files addable; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY addable ON blip.files FOR INSERT WITH CHECK ((EXISTS ( SELECT
   FROM blip.images i
  WHERE ((i.image_id = files.image_id) AND (i.space = files.space)))));

--
-- Name: jobs addable; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY addable ON blip.jobs FOR INSERT WITH CHECK (((state = 'p'::"char") AND (attempts = 0) AND (lease IS NULL) AND (error IS NULL) AND (EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = jobs.image_id)))));

--
-- Name: attached_rows; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.attached_rows ENABLE ROW LEVEL SECURITY;

--
-- Name: attachments; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.attachments ENABLE ROW LEVEL SECURITY;

--
-- Name: settings blip_engine; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_engine ON blip.settings TO blip_engine USING (true);

--
-- Name: attached_rows blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.attached_rows TO blip_worker USING (true);

--
-- Name: attachments blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.attachments TO blip_worker USING (true);

--
-- Name: captions blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.captions TO blip_worker USING (true);

--
-- Name: failed_files blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.failed_files TO blip_worker USING (true);

--
-- Name: files blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.files TO blip_worker USING (true);

--
-- Name: image_tokens blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.image_tokens TO blip_worker USING (true);

--
-- Name: image_vectors blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.image_vectors TO blip_worker USING (true);

--
-- Name: images blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.images TO blip_worker USING (true);

--
-- Name: jobs blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.jobs TO blip_worker USING (true);

--
-- Name: settings blip_worker; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_worker ON blip.settings FOR SELECT TO blip_worker USING ((name = ANY ('{oldest_worker,attach_paths,attach_urls}'::text[])));

--
-- Name: settings blip_writer; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY blip_writer ON blip.settings FOR SELECT TO blip_writer USING ((name = ANY ('{attach_paths,attach_urls}'::text[])));

--
-- Name: captions; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.captions ENABLE ROW LEVEL SECURITY;

--
-- Name: attachments changeable; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY changeable ON blip.attachments FOR UPDATE USING (pg_has_role(( SELECT c.relowner
   FROM pg_class c
  WHERE (c.oid = (attachments.source)::oid)), 'USAGE'::text));

--
-- Name: files changeable; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY changeable ON blip.files FOR UPDATE USING ((EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = files.image_id)))) WITH CHECK ((EXISTS ( SELECT
   FROM blip.images i
  WHERE ((i.image_id = files.image_id) AND (i.space = files.space)))));

--
-- Name: images content; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY content ON blip.images AS RESTRICTIVE FOR INSERT TO blip_writer WITH CHECK ((content IS NOT NULL));

--
-- Name: failed_files; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.failed_files ENABLE ROW LEVEL SECURITY;

--
-- Name: files; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.files ENABLE ROW LEVEL SECURITY;

--
-- Name: image_tokens; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.image_tokens ENABLE ROW LEVEL SECURITY;

--
-- Name: image_vectors; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.image_vectors ENABLE ROW LEVEL SECURITY;

--
-- Name: jobs; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.jobs ENABLE ROW LEVEL SECURITY;

--
-- Name: settings; Type: ROW SECURITY; Schema: blip; Owner: blip_owner
--

ALTER TABLE blip.settings ENABLE ROW LEVEL SECURITY;

--
-- Name: attached_rows visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.attached_rows FOR SELECT USING (((EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = attached_rows.image_id)
 OFFSET 0)) OR (EXISTS ( SELECT
   FROM (blip.attachments a
     JOIN pg_class c ON ((c.oid = (a.source)::oid)))
  WHERE ((a.attachment_id = attached_rows.attachment_id) AND pg_has_role(c.relowner, 'USAGE'::text))
 OFFSET 0))));

--
-- Name: attachments visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.attachments FOR SELECT USING (has_table_privilege((source)::oid, 'SELECT'::text));

--
-- Name: captions visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.captions FOR SELECT USING ((EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = captions.image_id)
 OFFSET 0)));

--
-- Name: failed_files visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.failed_files FOR SELECT USING (((NOT row_security_active('blip.images'::text)) OR (EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.space = failed_files.space)))));

--
-- Name: files visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.files FOR SELECT USING ((EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = files.image_id)
 OFFSET 0)));

--
-- Name: image_tokens visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.image_tokens FOR SELECT USING ((EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = image_tokens.image_id)
 OFFSET 0)));

--
-- Name: image_vectors visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.image_vectors FOR SELECT USING ((EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = image_vectors.image_id)
 OFFSET 0)));

--
-- Name: jobs visible; Type: POLICY; Schema: blip; Owner: blip_owner
--

CREATE POLICY visible ON blip.jobs FOR SELECT USING ((EXISTS ( SELECT
   FROM blip.images i
  WHERE (i.image_id = jobs.image_id)
 OFFSET 0)));

--
-- Name: SCHEMA blip; Type: ACL; Schema: -; Owner: blip_owner
--

GRANT USAGE ON SCHEMA blip TO blip_reader;
GRANT USAGE ON SCHEMA blip TO blip_writer;
GRANT USAGE ON SCHEMA blip TO blip_worker;
GRANT USAGE ON SCHEMA blip TO blip_engine;

--
-- Name: FUNCTION _attached_added(); Type: ACL; Schema: blip; Owner: blip_owner
--

REVOKE ALL ON FUNCTION blip._attached_added() FROM postgres;
REVOKE ALL ON FUNCTION blip._attached_added() FROM blip_owner;
REVOKE ALL ON FUNCTION blip._attached_added() FROM blip_writer;
REVOKE ALL ON FUNCTION blip._attached_added() FROM blip_worker;
GRANT ALL ON FUNCTION blip._attached_added() TO blip_owner;
GRANT ALL ON FUNCTION blip._attached_added() TO blip_writer;
GRANT ALL ON FUNCTION blip._attached_added() TO blip_worker;

--
-- Name: FUNCTION _attached_changed(); Type: ACL; Schema: blip; Owner: blip_owner
--

REVOKE ALL ON FUNCTION blip._attached_changed() FROM postgres;
REVOKE ALL ON FUNCTION blip._attached_changed() FROM blip_owner;
REVOKE ALL ON FUNCTION blip._attached_changed() FROM blip_writer;
REVOKE ALL ON FUNCTION blip._attached_changed() FROM blip_worker;
GRANT ALL ON FUNCTION blip._attached_changed() TO blip_owner;
GRANT ALL ON FUNCTION blip._attached_changed() TO blip_writer;
GRANT ALL ON FUNCTION blip._attached_changed() TO blip_worker;

--
-- Name: FUNCTION _attached_emptied(); Type: ACL; Schema: blip; Owner: blip_owner
--

REVOKE ALL ON FUNCTION blip._attached_emptied() FROM postgres;
REVOKE ALL ON FUNCTION blip._attached_emptied() FROM blip_owner;
REVOKE ALL ON FUNCTION blip._attached_emptied() FROM blip_writer;
REVOKE ALL ON FUNCTION blip._attached_emptied() FROM blip_worker;
GRANT ALL ON FUNCTION blip._attached_emptied() TO blip_owner;
GRANT ALL ON FUNCTION blip._attached_emptied() TO blip_writer;
GRANT ALL ON FUNCTION blip._attached_emptied() TO blip_worker;

--
-- Name: FUNCTION _attached_removed(); Type: ACL; Schema: blip; Owner: blip_owner
--

REVOKE ALL ON FUNCTION blip._attached_removed() FROM postgres;
REVOKE ALL ON FUNCTION blip._attached_removed() FROM blip_owner;
REVOKE ALL ON FUNCTION blip._attached_removed() FROM blip_writer;
REVOKE ALL ON FUNCTION blip._attached_removed() FROM blip_worker;
GRANT ALL ON FUNCTION blip._attached_removed() TO blip_owner;
GRANT ALL ON FUNCTION blip._attached_removed() TO blip_writer;
GRANT ALL ON FUNCTION blip._attached_removed() TO blip_worker;

--
-- Name: FUNCTION _engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb); Type: ACL; Schema: blip; Owner: blip_engine
--

REVOKE ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) FROM postgres;
REVOKE ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) FROM blip_owner;
REVOKE ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) FROM blip_reader;
REVOKE ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) FROM blip_writer;
REVOKE ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) FROM blip_worker;
GRANT ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) TO blip_engine;
GRANT ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) TO blip_owner;
GRANT ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) TO blip_reader;
GRANT ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) TO blip_writer;
GRANT ALL ON FUNCTION blip._engine(op text, head jsonb, body bytea, OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb) TO blip_worker;

--
-- Name: FUNCTION _purge(); Type: ACL; Schema: blip; Owner: blip_owner
--

REVOKE ALL ON FUNCTION blip._purge() FROM postgres;
REVOKE ALL ON FUNCTION blip._purge() FROM blip_owner;
REVOKE ALL ON FUNCTION blip._purge() FROM blip_reader;
REVOKE ALL ON FUNCTION blip._purge() FROM blip_writer;
REVOKE ALL ON FUNCTION blip._purge() FROM blip_worker;
GRANT ALL ON FUNCTION blip._purge() TO blip_owner;
GRANT ALL ON FUNCTION blip._purge() TO blip_reader;
GRANT ALL ON FUNCTION blip._purge() TO blip_writer;
GRANT ALL ON FUNCTION blip._purge() TO blip_worker;

--
-- Name: TABLE active_models; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.active_models TO blip_reader;
GRANT SELECT ON TABLE blip.active_models TO blip_writer;
GRANT SELECT ON TABLE blip.active_models TO blip_worker;

--
-- Name: TABLE alembic_version; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.alembic_version TO blip_reader;
GRANT SELECT ON TABLE blip.alembic_version TO blip_writer;
GRANT SELECT ON TABLE blip.alembic_version TO blip_worker;

--
-- Name: TABLE attached_rows; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.attached_rows TO blip_reader;
GRANT SELECT ON TABLE blip.attached_rows TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.attached_rows TO blip_worker;

--
-- Name: TABLE attachments; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.attachments TO blip_reader;
GRANT SELECT,INSERT ON TABLE blip.attachments TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.attachments TO blip_worker;

--
-- Name: COLUMN attachments.places; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(places) ON TABLE blip.attachments TO blip_writer;

--
-- Name: COLUMN attachments.mode; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(mode) ON TABLE blip.attachments TO blip_writer;

--
-- Name: COLUMN attachments.scanned; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(scanned) ON TABLE blip.attachments TO blip_writer;

--
-- Name: COLUMN attachments.is_scanned; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(is_scanned) ON TABLE blip.attachments TO blip_writer;

--
-- Name: TABLE attached; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.attached TO blip_reader;
GRANT SELECT ON TABLE blip.attached TO blip_writer;
GRANT SELECT ON TABLE blip.attached TO blip_worker;

--
-- Name: TABLE captions; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.captions TO blip_reader;
GRANT SELECT,INSERT ON TABLE blip.captions TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.captions TO blip_worker;

--
-- Name: TABLE capfilt; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.capfilt TO blip_reader;
GRANT SELECT ON TABLE blip.capfilt TO blip_writer;
GRANT SELECT ON TABLE blip.capfilt TO blip_worker;

--
-- Name: TABLE failed_files; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.failed_files TO blip_reader;
GRANT SELECT ON TABLE blip.failed_files TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.failed_files TO blip_worker;

--
-- Name: TABLE files; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.files TO blip_reader;
GRANT SELECT,INSERT ON TABLE blip.files TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.files TO blip_worker;

--
-- Name: COLUMN files.image_id; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(image_id) ON TABLE blip.files TO blip_writer;

--
-- Name: COLUMN files.size; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(size) ON TABLE blip.files TO blip_writer;

--
-- Name: COLUMN files.mtime; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(mtime) ON TABLE blip.files TO blip_writer;

--
-- Name: COLUMN files.seen_at; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(seen_at) ON TABLE blip.files TO blip_writer;

--
-- Name: TABLE image_tokens; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.image_tokens TO blip_reader;
GRANT SELECT ON TABLE blip.image_tokens TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.image_tokens TO blip_worker;

--
-- Name: TABLE image_vectors; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.image_vectors TO blip_reader;
GRANT SELECT ON TABLE blip.image_vectors TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.image_vectors TO blip_worker;

--
-- Name: TABLE images; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.images TO blip_reader;
GRANT SELECT,INSERT ON TABLE blip.images TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.images TO blip_worker;

--
-- Name: COLUMN images.content; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(content) ON TABLE blip.images TO blip_writer;

--
-- Name: COLUMN images.metadata; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT UPDATE(metadata) ON TABLE blip.images TO blip_writer;

--
-- Name: TABLE jobs; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.jobs TO blip_reader;
GRANT SELECT,INSERT ON TABLE blip.jobs TO blip_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE blip.jobs TO blip_worker;

--
-- Name: TABLE models; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.models TO blip_reader;
GRANT SELECT ON TABLE blip.models TO blip_writer;
GRANT SELECT ON TABLE blip.models TO blip_worker;

--
-- Name: TABLE settings; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.settings TO blip_writer;
GRANT SELECT ON TABLE blip.settings TO blip_worker;
GRANT SELECT ON TABLE blip.settings TO blip_engine;

--
-- Name: TABLE verdicts; Type: ACL; Schema: blip; Owner: blip_owner
--

GRANT SELECT ON TABLE blip.verdicts TO blip_reader;
GRANT SELECT ON TABLE blip.verdicts TO blip_writer;
GRANT SELECT ON TABLE blip.verdicts TO blip_worker;

--
-- Name: COLUMN later.id; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT(id) ON TABLE public.later TO blip_worker;

--
-- Name: COLUMN later.photo; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT(photo) ON TABLE public.later TO blip_worker;

--
-- Name: COLUMN products.id; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT(id) ON TABLE public.products TO blip_worker;

--
-- Name: COLUMN products.title; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT(title) ON TABLE public.products TO blip_worker;

--
-- Name: COLUMN products.photo; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT(photo) ON TABLE public.products TO blip_worker;

--
-- PostgreSQL database dump complete
--

