"""Descriptions in images, as programs that write such metadata store it."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from blipdb.images.limits import Limits
from blipdb.images.picture import decode
from tests.images.pictures import encode, scene


def described(data: bytes) -> list[str]:
    return decode(data, 8, preview=False, limits=Limits()).descriptions


def exif(text: bytes | str) -> Image.Exif:
    block = Image.Exif()
    block[0x010E] = text
    return block


def iptc(caption: bytes) -> bytes:
    """A JPEG whose Photoshop block holds an IPTC caption."""
    record = b"\x1c\x02\x78" + struct.pack(">H", len(caption)) + caption
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record
    resource += b"\0" * (len(record) % 2)
    body = b"Photoshop 3.0\0" + resource
    segment = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    jpeg = encode(scene(), "JPEG")
    return jpeg[:2] + segment + jpeg[2:]


def xmp(inner: str) -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:description>{inner}</dc:description>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


ALT = '<rdf:Alt><rdf:li xml:lang="de">{}</rdf:li><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>'


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif(format: str) -> None:
    assert described(encode(scene(), format, exif=exif("a red bicycle"))) == ["a red bicycle"]


def test_iptc() -> None:
    assert described(iptc(b"a red bicycle")) == ["a red bicycle"]
    assert described(iptc("ein grünes Fahrrad".encode())) == ["ein grünes Fahrrad"]
    assert described(iptc("ein grünes Fahrrad".encode("latin-1"))) == ["ein grünes Fahrrad"]


def test_xmp_prefers_the_default_language() -> None:
    packet = xmp(ALT.format("ein rotes Fahrrad", "a red bicycle &amp; a dog"))
    assert described(encode(scene(), "JPEG", xmp=packet)) == ["a red bicycle & a dog"]
    assert described(encode(scene(), "JPEG", xmp=xmp("plain"))) == ["plain"]


def test_each_once_the_most_deliberate_first() -> None:
    packet = xmp(ALT.format("-", "from xmp"))
    both = encode(scene(), "JPEG", xmp=packet, exif=exif("from exif"))
    assert described(both) == ["from xmp", "from exif"]
    same = encode(scene(), "JPEG", xmp=packet, exif=exif("from xmp"))
    assert described(same) == ["from xmp"]


@pytest.mark.parametrize("text", ["OLYMPUS DIGITAL CAMERA", "DCIM\\100GOPRO", "  \n ", "SAMSUNG "])
def test_what_cameras_write_into_every_picture_is_no_description(text: str) -> None:
    assert described(encode(scene(), "JPEG", exif=exif(text))) == []


def test_control_characters_and_length() -> None:
    text = "a\tred\r\nbicycle\x1b[31m " + "x" * 5_000
    (got,) = described(encode(scene(), "JPEG", exif=exif(text)))
    assert got.startswith("a red bicycle [31m xxx")
    assert len(got) == 2_000


@pytest.mark.parametrize(
    "packet",
    [
        b"<not xml",
        b"<!DOCTYPE a [<!ENTITY b 'cccc'>]><a>&b;</a>",
        b"",
        xmp(""),
    ],
)
def test_broken_metadata_refuses_nothing(packet: bytes) -> None:
    assert described(encode(scene(), "JPEG", xmp=packet)) == []
