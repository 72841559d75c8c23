"""The tables of schema ``blip`` as SQLAlchemy models, as of the latest migration.

``migrations/`` is the only way a table changes; a test proves that both agree. Access (policies,
roles, grants) lives in ``migrations/`` alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    column,
    event,
    func,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, OID, REAL, REGCLASS
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import UserDefinedType

SCHEMA = "blip"
MAX_CONTENT = 64 << 20  # bytes of one image kept in the database


class SingleByte(UserDefinedType[str]):
    """PostgreSQL's ``"char"``: one ASCII letter in one byte."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return '"char"'


ischema_names['"char"'] = SingleByte  # so that reflection knows it; SQLAlchemy says text


class Base(DeclarativeBase):
    """Column types by annotation; constraints named as PostgreSQL names them."""

    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        },
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        UUID: Uuid,
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        list[float]: HALFVEC,
    }


def _of_image(**options: Any) -> Any:
    return mapped_column(ForeignKey("blip.images.image_id", ondelete="CASCADE"), **options)


def _of_model(**options: Any) -> Any:
    return mapped_column(ForeignKey("blip.models.model_id"), **options)


def _now() -> Any:
    return mapped_column(server_default=func.now())


class Model(Base):
    __tablename__ = "models"
    __table_args__ = (
        CheckConstraint("name <> ''", "name"),
        CheckConstraint("digest ~ '^[0-9a-f]{64}$'", "digest"),
        CheckConstraint(
            "cardinality(roles) > 0"
            " AND roles <@ ARRAY['retrieval', 'captioner', 'filter', 'answerer']",
            "roles",
        ),
        # 4000 is the most that pgvector's HNSW takes of halfvec.
        CheckConstraint("itc_dims BETWEEN 1 AND 4000", "itc_dims"),
        CheckConstraint("least(image_size, token_count, token_width, max_tokens) > 0", "sizes"),
        UniqueConstraint("name", "digest"),
        {"comment": "Registered models; their files lie in the engine's models folder, by digest"},
    )

    model_id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    digest: Mapped[str]
    roles: Mapped[list[str]]
    image_size: Mapped[int]
    itc_dims: Mapped[int]
    token_count: Mapped[int]
    token_width: Mapped[int]
    max_tokens: Mapped[int]
    knows: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = _now()
    merged: Mapped[bool] = mapped_column(
        server_default="false",
        comment="Whether a stored image token stands for several, and its record says for how many",
    )


class ActiveModel(Base):
    __tablename__ = "active_models"
    __table_args__ = (
        CheckConstraint("role IN ('retrieval', 'captioner', 'filter', 'answerer')", "role"),
        {"comment": "The one model that each role uses now"},
    )

    role: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[int] = _of_model()


class Image(Base):
    __tablename__ = "images"
    __table_args__ = (
        CheckConstraint("octet_length(sha256) = 32", "sha256"),
        CheckConstraint("width > 0 AND height > 0", "size"),
        CheckConstraint("bytes > 0", "bytes"),
        CheckConstraint("jsonb_typeof(metadata) = 'object'", "metadata"),
        CheckConstraint(
            f"content IS NULL OR (octet_length(content) <= {MAX_CONTENT}"
            " AND bytes = octet_length(content) AND sha256 = sha256(content)"
            " AND image_id = encode(substr(sha256("
            r"convert_to(space, 'UTF8') || '\x00'::bytea || content), 1, 16), 'hex')::uuid)",
            "content",
        ),
        Index("images_space_idx", "space"),
        Index(
            "images_metadata_idx",
            "metadata",
            postgresql_using="gin",
            postgresql_ops={"metadata": "jsonb_path_ops"},
        ),
        {"comment": "Images by content: image_id is half of SHA-256(space, NUL, content)"},
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    space: Mapped[str] = mapped_column(server_default="")
    sha256: Mapped[bytes]
    mime: Mapped[str]
    width: Mapped[int | None]
    height: Mapped[int | None]
    size: Mapped[int] = mapped_column("bytes", BigInteger)
    content: Mapped[bytes | None]
    preview: Mapped[bytes | None]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'"))
    created_at: Mapped[datetime] = _now()

    files: Mapped[list[File]] = relationship(viewonly=True, order_by="File.uri")
    captions: Mapped[list[Caption]] = relationship(viewonly=True, order_by="Caption.caption_id")
    """In a fixed order that is not one of quality; `blipdb.orm.captions` has the best first."""


class File(Base):
    __tablename__ = "files"
    __table_args__ = (
        CheckConstraint("uri <> ''", "uri"),
        Index("files_image_id_idx", "image_id"),
        {"comment": "Where images were seen; mtime in ns since 1970, so that stat alone can tell"},
    )

    uri: Mapped[str] = mapped_column(primary_key=True)
    space: Mapped[str] = mapped_column(primary_key=True, server_default="")
    image_id: Mapped[UUID] = _of_image()
    size: Mapped[int | None] = mapped_column(BigInteger)
    mtime: Mapped[int | None] = mapped_column(BigInteger)
    seen_at: Mapped[datetime] = _now()
    is_ingested: Mapped[bool] = mapped_column(
        server_default="false",
        comment="Whether ingest read the image there; workers and clients open no other file",
    )


class FailedFile(Base):
    __tablename__ = "failed_files"
    __table_args__ = (
        CheckConstraint("uri <> ''", "uri"),
        {"comment": "Files that could not be read as an image, and so have no image_id"},
    )

    uri: Mapped[str] = mapped_column(primary_key=True)
    space: Mapped[str] = mapped_column(primary_key=True, server_default="")
    reason: Mapped[str]
    size: Mapped[int | None] = mapped_column(BigInteger)
    mtime: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    failed_at: Mapped[datetime] = _now()


class ImageVector(Base):
    """One partition per model, made by `blipdb.database.indexes.create_model_partitions`."""

    __tablename__ = "image_vectors"
    __table_args__ = (
        {
            "postgresql_partition_by": "LIST (model_id)",
            "comment": "ITC vectors, L2-normalised; each model's partition has its HNSW index",
        },
    )

    image_id: Mapped[UUID] = _of_image(primary_key=True)
    model_id: Mapped[int] = _of_model(primary_key=True)
    itc: Mapped[list[float]]


class ImageTokens(Base):
    """One partition per model, made by `blipdb.database.indexes.create_model_partitions`."""

    __tablename__ = "image_tokens"
    __table_args__ = (
        {
            "postgresql_partition_by": "LIST (model_id)",
            "comment": "The ViT's output: N float32 scales (little endian), then N*D int8",
        },
    )

    image_id: Mapped[UUID] = _of_image(primary_key=True)
    model_id: Mapped[int] = _of_model(primary_key=True)
    tokens: Mapped[bytes]


class Caption(Base):
    __tablename__ = "captions"
    __table_args__ = (
        CheckConstraint("text <> ''", "text"),
        CheckConstraint("origin IN ('web', 'human', 'synthetic')", "origin"),
        CheckConstraint("(origin = 'synthetic') = (model_id IS NOT NULL)", "model"),
        CheckConstraint("filter_id IS NOT NULL OR unread IS NULL", "filter"),
        CheckConstraint("unread IS NULL OR itm IS NULL", "unread"),
        Index("captions_encoder_id_idx", "encoder_id"),
        Index("captions_filter_id_idx", "filter_id"),
        {"comment": "Texts about images; itc is a cosine, itm a match probability"},
    )

    image_id: Mapped[UUID] = _of_image(primary_key=True)
    caption_id: Mapped[UUID] = mapped_column(primary_key=True)
    text: Mapped[str]
    origin: Mapped[str]
    model_id: Mapped[int | None] = _of_model()
    decoding: Mapped[dict[str, Any] | None]
    itc: Mapped[float | None] = mapped_column(REAL)
    itm: Mapped[float | None] = mapped_column(REAL)
    text_vector: Mapped[list[float] | None]
    filter_id: Mapped[int | None] = _of_model()
    unread: Mapped[str | None]
    encoder_id: Mapped[int | None] = _of_model(
        comment="The model whose ITC vector text_vector is, or which can read no word of the text"
    )


capfilt = table(
    "capfilt",
    column("image_id", Uuid),
    column("caption_id", Uuid),
    column("text", Text),
    column("origin", Text),
    schema=SCHEMA,
)
"""A view: the captions that training reads. It is not a model, as nothing is written through it."""

verdicts = table(
    "verdicts",
    column("image_id", Uuid),
    column("caption_id", Uuid),
    column("text", Text),
    column("origin", Text),
    column("writer", Text),
    column("decoding", JSONB),
    column("judge", Text),
    column("itm", REAL),
    column("itc", REAL),
    column("verdict", Text),
    column("reason", Text),
    schema=SCHEMA,
)
"""A view: every caption with its writer, judge, verdict and reason."""

ranked_captions = table(
    "ranked_captions",
    column("image_id", Uuid),
    column("caption_id", Uuid),
    column("text", Text),
    column("origin", Text),
    column("writer", Text),
    column("decoding", JSONB),
    column("itm", REAL),
    column("itc", REAL),
    column("verdict", Text),
    column("rank", BigInteger),
    schema=SCHEMA,
)
"""A view: captions with their scores by the active filter; rank 1 is the best of an image."""


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("state IN ('p', 'r', 'd', 'x')", "state"),
        CheckConstraint("state <> 'r' OR lease IS NOT NULL", "lease"),
        Index(
            "jobs_ready_idx",
            "stage",
            "model_id",
            "run_after",
            postgresql_where=text("state IN ('p', 'r')"),
        ),
        {"comment": "State p(ending), r(unning until run_after), d(one), x (parked with error)"},
    )

    image_id: Mapped[UUID] = _of_image(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[int] = _of_model(primary_key=True)
    state: Mapped[str] = mapped_column(SingleByte, server_default="p")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    run_after: Mapped[datetime] = _now()
    lease: Mapped[UUID | None]
    error: Mapped[str | None]
    updated_at: Mapped[datetime] = _now()


class Attachment(Base):
    __tablename__ = "attachments"
    __table_args__ = (
        CheckConstraint("kind IN ('content', 'path', 'url')", "kind"),
        CheckConstraint("mode IN ('new', 'background', 'live')", "mode"),
        Index("attachments_source_idx", "source"),
        {
            "comment": "Tables of apps whose images stay in step; scanned is the last key of those"
            " there at first"
        },
    )

    attachment_id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    source: Mapped[str] = mapped_column(REGCLASS)
    columns: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger),
        server_default="{}",
        comment="Numbers of the columns for image, caption (0: none) and key, in the table of the"
        " oid relation",
    )
    kind: Mapped[str]
    mode: Mapped[str] = mapped_column(server_default="new")
    space: Mapped[str] = mapped_column(server_default="")
    scanned: Mapped[list[Any] | None] = mapped_column(JSONB)
    is_scanned: Mapped[bool] = mapped_column(server_default="false")
    trouble: Mapped[str | None]
    created_at: Mapped[datetime] = _now()
    relation: Mapped[int | None] = mapped_column(OID)
    names: Mapped[list[str]] = mapped_column(
        ARRAY(Text),
        server_default="{}",
        comment="Names of these columns, by which they are found after a restore, where the table"
        " has another oid",
    )


class AttachmentReader(Base):
    __tablename__ = "attachment_readers"
    __table_args__ = (
        {
            "comment": "Functions in blip_attached that read attached tables for whoever has the"
            " token; for workers"
        },
    )

    attachment_id: Mapped[int] = mapped_column(
        ForeignKey("blip.attachments.attachment_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    reader: Mapped[str]
    token: Mapped[str]


class Orphan(Base):
    __tablename__ = "orphans"
    __table_args__ = (
        Index("orphans_image_id_idx", "image_id"),
        {
            "comment": "Images and captions that attached rows let go of while others were at"
            " them; for workers"
        },
    )

    orphan_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    image_id: Mapped[UUID]
    caption_id: Mapped[UUID | None]
    run_after: Mapped[datetime] = _now()


class AttachedRow(Base):
    __tablename__ = "attached_rows"
    __table_args__ = (
        CheckConstraint("state IN ('p', 'd', 'x')", "state"),
        Index("attached_rows_image_id_idx", "image_id"),
        Index(
            "attached_rows_due_idx",
            "attachment_id",
            "run_after",
            postgresql_where=text("state = 'p'"),
        ),
        {
            "comment": "Which image an app's row holds; state p(ending), d(one), x (given up with"
            " error)"
        },
    )

    attachment_id: Mapped[int] = mapped_column(
        ForeignKey("blip.attachments.attachment_id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[list[Any]] = mapped_column(JSONB, primary_key=True)
    state: Mapped[str] = mapped_column(SingleByte, server_default="p")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    run_after: Mapped[datetime] = _now()
    image_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("blip.images.image_id", ondelete="SET NULL")
    )
    caption_id: Mapped[UUID | None]
    uri: Mapped[str | None]
    error: Mapped[str | None]
    updated_at: Mapped[datetime] = _now()


attached = table(
    "attached",
    column("source", REGCLASS),
    column("attachment_id", Integer),
    column("key", JSONB),
    column("image_id", Uuid),
    schema=SCHEMA,
)
"""A view: rows of attached tables with their images; ``key`` is the primary key, a JSON array."""


class Setting(Base):
    __tablename__ = "settings"
    __table_args__ = ({"comment": "Where the engine listens; for blip_owner and blip_engine"},)

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


def _afterwards(table: Any, statement: str) -> None:
    """Run a statement after the table was created; %(fullname)s is its name."""
    event.listen(table, "after_create", DDL(statement))  # type: ignore[no-untyped-call]


def _store_uncompressed(table: Any, *columns: str) -> None:
    """Set STORAGE EXTERNAL: pglz gains nothing on columns that are compressed already, or read in
    slices."""
    changes = ", ".join(f"ALTER {column} SET STORAGE EXTERNAL" for column in columns)
    _afterwards(table, f"ALTER TABLE %(fullname)s {changes}")


_store_uncompressed(Image.__table__, "content", "preview")
_store_uncompressed(ImageTokens.__table__, "tokens")
_afterwards(
    Caption.__table__,
    "CREATE VIEW blip.capfilt WITH (security_invoker = true) AS"
    " SELECT image_id, caption_id, text, origin FROM %(fullname)s"
    " WHERE origin = 'human' OR itm >= 0.5",
)
_afterwards(
    Caption.__table__,
    "COMMENT ON VIEW blip.capfilt IS 'What training reads: human captions, and those web and"
    " synthetic ones that the filter kept'",
)
_afterwards(
    Caption.__table__,
    """CREATE VIEW blip.verdicts WITH (security_invoker = true) AS
SELECT c.image_id, c.caption_id, c.text, c.origin, w.name AS writer, c.decoding,
       f.name AS judge, c.itm, c.itc,
       CASE WHEN c.origin = 'human' OR c.itm >= 0.5 THEN 'kept'
            WHEN c.itm IS NULL AND c.unread IS NULL THEN 'unjudged'
            ELSE 'dropped' END AS verdict,
       CASE WHEN c.origin = 'human' THEN 'people''s own texts are not judged'
            WHEN c.unread IS NOT NULL THEN c.unread
            WHEN c.itm >= 0.5 THEN 'the match head says they match'
            WHEN c.itm < 0.5 THEN 'the match head says they don''t'
            ELSE 'no filter has seen it' END AS reason
FROM %(fullname)s c
LEFT JOIN blip.models w ON w.model_id = c.model_id
LEFT JOIN blip.models f ON f.model_id = c.filter_id""",
)
_afterwards(
    Caption.__table__,
    "COMMENT ON VIEW blip.verdicts IS 'Every caption with who wrote it and how, who judged it, and"
    " whether it was kept and why'",
)
_afterwards(
    Caption.__table__,
    """CREATE VIEW blip.ranked_captions WITH (security_invoker = true) AS
SELECT s.image_id, s.caption_id, s.text, s.origin, w.name AS writer, s.decoding, s.itm, s.itc,
       s.verdict,
       row_number() OVER (
           PARTITION BY s.image_id
           ORDER BY s.verdict = 'dropped', s.verdict = 'unjudged', s.origin <> 'human',
                    s.itm DESC NULLS LAST, s.itc DESC NULLS LAST, s.origin DESC, s.caption_id)
           AS rank
FROM (
    SELECT j.*,
           CASE WHEN j.origin = 'human' OR j.itm >= 0.5 THEN 'kept'
                WHEN j.itm IS NULL AND NOT j.is_unread THEN 'unjudged'
                ELSE 'dropped' END AS verdict
    FROM (
        SELECT c.image_id, c.caption_id, c.text, c.origin, c.model_id, c.decoding,
               CASE WHEN c.filter_id = f.model_id THEN c.itm END AS itm,
               CASE WHEN c.filter_id = f.model_id THEN c.itc END AS itc,
               (c.filter_id = f.model_id AND c.unread IS NOT NULL) IS TRUE AS is_unread
        FROM %(fullname)s c
        LEFT JOIN blip.active_models f ON f.role = 'filter'
    ) j
) s
LEFT JOIN blip.models w ON w.model_id = s.model_id""",
)
_afterwards(
    Caption.__table__,
    "COMMENT ON VIEW blip.ranked_captions IS 'Captions with their scores by the active filter,"
    " those of another left out; rank 1 is the best of an image: kept before unjudged before"
    " dropped, people''s first, then by itm'",
)
_afterwards(
    AttachedRow.__table__,
    """CREATE VIEW blip.attached WITH (security_invoker = true) AS
SELECT a.source, a.attachment_id, r.key, r.image_id
FROM blip.attachments a JOIN %(fullname)s r ON r.attachment_id = a.attachment_id
WHERE r.state = 'd' AND r.image_id IS NOT NULL""",
)
_afterwards(
    AttachedRow.__table__,
    "COMMENT ON VIEW blip.attached IS 'Rows of attached tables with their images; key is the JSON"
    " array of a row''s primary key'",
)
