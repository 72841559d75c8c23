"""Descriptions in an image's own metadata: IPTC caption, XMP description, EXIF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from PIL import ImageFile, IptcImagePlugin

MAX_CHARACTERS: Final = 2_000  # of one description
IPTC_CAPTION: Final = (2, 120)  # IPTC IIM 4.2, "Caption/Abstract"
EXIF_DESCRIPTION: Final = 0x010E  # "ImageDescription"
DC: Final = "{http://purl.org/dc/elements/1.1/}"
RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

# Cameras and programs write these into every picture, so they describe none.
BOILERPLATE: Final = frozenset(
    {
        "olympus digital camera",
        "sony dsc",
        "minolta digital camera",
        "konica minolta digital camera",
        "konica digital camera",
        "kodak digital still camera",
        "samsung digital camera",
        "samsung",
        "digital camera",
        "exif_jpeg_picture",
        "untitled",
        "default",
        "image",
    }
)


def descriptions(image: ImageFile.ImageFile) -> list[str]:
    """The descriptions inside a loaded picture, each once, the most deliberate first.

    Broken metadata is no reason to refuse a picture: what can't be read is left out.
    """
    found: dict[str, None] = {}
    for source in (_iptc, _xmp, _exif):
        try:
            for text in source(image):
                if tidy := _tidy(text):
                    found.setdefault(tidy)
        except Exception:  # metadata fails in as many ways as there are broken writers
            continue
    return list(found)


def _iptc(image: ImageFile.ImageFile) -> Iterator[str]:
    info = IptcImagePlugin.getiptcinfo(image) or {}
    value = info.get(IPTC_CAPTION, [])
    for raw in value if isinstance(value, list) else [value]:
        yield _decode(raw)


def _xmp(image: ImageFile.ImageFile) -> Iterator[str]:
    packet = image.info.get("xmp", b"")
    packet = packet.encode() if isinstance(packet, str) else packet
    if not packet or b"<!" in packet:  # no document type, so no entities to expand
        return
    root = ElementTree.fromstring(packet.strip(b"\0 \r\n"))
    for description in root.iter(f"{DC}description"):
        texts = {li.get(XML_LANG, ""): li.text or "" for li in description.iter(f"{RDF}li")}
        yield texts.get("x-default") or next(iter(texts.values()), description.text or "")


def _exif(image: ImageFile.ImageFile) -> Iterator[str]:
    text = image.getexif().get(EXIF_DESCRIPTION)
    if isinstance(text, str):
        yield _decode(text.encode("latin-1", "ignore"))  # Pillow read the bytes as Latin-1


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _tidy(text: str) -> str:
    """Return one line without control characters; empty for boilerplate."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(printable.split())[:MAX_CHARACTERS]
    lower = line.lower()
    return "" if lower in BOILERPLATE or lower.startswith("dcim\\") else line
