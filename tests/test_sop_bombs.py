"""Small files that would fill the memory or the hour are refused with the cause."""

from __future__ import annotations

import io
import os
import random
import zipfile
import zlib
from pathlib import Path

import pdfminer.pdffont
import pytest
from pdfminer.lzw import lzwdecode

from curator.cli import main
from curator.errors import SourceError
from curator.sop.convert import document_of
from curator.sop.html import _without_scripts, tree
from curator.sop.inflating import (
    _PARSERS,
    MOST_FILE,
    MOST_LETTERS,
    MOST_PAGE,
    MOST_STREAM,
    _lzw,
    open_bounded,
    pages_of,
)
from curator.sop.pdf import read_pdf
from curator.sop.reading import MAX_LINES, clean
from tests.pace import at_once
from tests.test_sop import all_steps

TEXT = b"BT /F1 12 Tf 50 700 Td (Clean the tank now.) Tj ET\n"


def pdf(stream: bytes, filters: str, more: str = "", times: int = 1, drawn: bytes = b"") -> bytes:
    """A file of one page; it names its content so many times, and `drawn` is a form it may use as /X."""
    contents = "4 0 R " * times
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents[{contents}]/Resources<</Font<</F1 5 0 R>>/XObject<</X 6 0 R>>>>>>".encode(),
        f"<</Length {len(stream)}/Filter[{filters}]{more}>>stream\n".encode() + stream + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Filter/FlateDecode/Length {len(drawn)}>>stream\n".encode()
        + drawn
        + b"\nendstream",
        b"900000000",
    ]
    out = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, part) for n, part in enumerate(parts, 1))
    return out + b"trailer<</Size 8/Root 1 0 R>>\nstartxref\n0\n%%EOF"


def spaces(size: int) -> bytes:
    packing = zlib.compressobj(9)
    return b"".join(packing.compress(b" " * 1_000_000) for _ in range(size // 1_000_000)) + packing.flush()


BOMB = spaces(MOST_STREAM + 3_000_000)
NOISE = random.Random(1).randbytes(200_000).hex().encode()
LZW = bytes.fromhex("800B6050220C0C8501")  # the example of the format's reference


@pytest.mark.parametrize(
    "data",
    [
        pdf(BOMB, "/FlateDecode"),
        pdf(zlib.compress(BOMB), "/FlateDecode/FlateDecode"),
        pdf(BOMB.hex().encode() + b">", "/ASCIIHexDecode/Fl"),
        pdf(zlib.compress(b"\x81a" * 40_000), "/FlateDecode/RunLengthDecode"),
        pdf(zlib.compress(b"z" * (MOST_STREAM // 4 + 1)), "/FlateDecode/ASCII85Decode"),
        pdf(zlib.compress(TEXT), "/FlateDecode", "/DecodeParms<</Predictor 12/Columns 7 0 R>>"),
        pdf(zlib.compress(TEXT * 2000), "/FlateDecode", times=MOST_PAGE // len(TEXT * 2000) + 1),
        pdf(zlib.compress(b"/X Do\n" * 12), "/FlateDecode", drawn=spaces(1_000_000)),
    ],
    ids=["flate", "twice", "hex", "runs", "ascii85", "row", "named often", "form"],
)
def test_a_pdf_that_unpacks_past_the_limits_is_refused(data: bytes) -> None:
    assert len(data) < 200_000
    with pytest.raises(SourceError, match=r"too large a PDF: .* unpack.* more than \d+ MB"):
        read_pdf(data)


def test_streams_within_the_limits_are_unpacked_as_before() -> None:
    assert MOST_PAGE < MOST_STREAM < MOST_FILE
    for filters, packed in (
        ("/FlateDecode", zlib.compress(TEXT)),
        ("/FlateDecode", zlib.compress(TEXT)[:-2]),  # cut in its checksum
        ("/ASCIIHexDecode/FlateDecode", zlib.compress(TEXT).hex().encode() + b">"),
        ("/RunLengthDecode", bytes([len(TEXT) - 1]) + TEXT + b"\x80"),
        ("", TEXT),
    ):
        assert "tank" in read_pdf(pdf(packed, filters)).words
    with pytest.raises(SourceError, match="without text"):
        read_pdf(pdf(LZW, "/LZWDecode"))


@pytest.mark.parametrize(
    ("filters", "packed", "text"),
    [
        ("/FlateDecode", zlib.compress(TEXT + b"%" + NOISE)[:-9], "tank"),
        ("/FlateDecode", zlib.compress(TEXT, 0)[:-4] + b"\7" + NOISE, None),
        ("/FlateDecode", zlib.compress(TEXT) + NOISE, "tank"),
        ("/LZWDecode", LZW[:-1] + bytes(len(NOISE)), None),
        ("/ASCII85Decode", b" " * len(NOISE), None),
    ],
    ids=["cut", "broken", "followed", "one code", "spaces"],
)
def test_a_stream_that_is_cut_or_hostile_is_read_by_going_through_it_once(
    filters: str, packed: bytes, text: str | None
) -> None:
    def read() -> None:
        try:
            assert text in read_pdf(pdf(packed, filters)).words
        except SourceError as error:
            assert text is None and "without text" in str(error)

    at_once(read, 0.5)  # measured: 0.02; pdfminer's filters take 2 to 40


def test_a_page_of_more_letters_than_any_is_refused_and_of_lines_as_many_are_kept_as_tables_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    letters = TEXT + b"BT /F1 1 Tf 50 600 Td (" + b"a" * MOST_LETTERS + b") Tj ET"
    with pytest.raises(SourceError, match="more than 100,000 letters on a page"):
        read_pdf(pdf(zlib.compress(letters), "/FlateDecode"))
    monkeypatch.setattr("curator.sop.inflating.MOST_SHAPES", 20)
    boxes = zlib.compress(b"1 1 5 5 re f " * 50 + TEXT)
    assert "tank" in read_pdf(pdf(boxes, "/FlateDecode")).words
    with open_bounded(pdf(boxes, "/FlateDecode")) as file:
        assert [len(page.rects) for page in pages_of(file)] == [20]
    with pytest.raises(SourceError, match="more than 20 figures"):
        read_pdf(pdf(zlib.compress(b"/X Do " * 21), "/FlateDecode", drawn=zlib.compress(b" ")))


def fonts(font: bytes, stream: bytes = b"") -> bytes:
    """A file whose font is another one; the form it may use is a stream."""
    plain = pdf(zlib.compress(TEXT), "/FlateDecode", drawn=zlib.compress(stream))
    return plain.replace(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", font)


CID = b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A%s>>]>>"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pdf(zlib.compress(TEXT + b"[" * 1_000_000), "/FlateDecode"), "nested over 500"),
        (pdf(zlib.compress(TEXT), "/FlateDecode").replace(b"900000000", b"<<" * 1_000_000), "nested over 500"),
        (pdf(zlib.compress(TEXT + b"(" * 1_000_000), "/FlateDecode"), "texts of endless length"),
        (fonts(CID % b"/W[0 4000000000 500]"), "letters and objects in ranges"),
        (
            fonts((CID % b"/W2[0 4000000000 5 5 5]").replace(b"Identity-H", b"Identity-V")),
            "letters and objects in ranges",
        ),
        (fonts(CID % b"", b"1 beginbfrange <00000000> <ffffffff> <0000> endbfrange"), "letters and objects in ranges"),
        (fonts(CID % b"", b"{" * 1_000_000), "nested over 500"),
    ],
    ids=["content", "body", "text", "widths", "heights", "letters", "map"],
)
def test_what_a_pdf_nests_names_and_repeats_has_an_end(data: bytes, said: str) -> None:
    def refused() -> None:
        with pytest.raises(SourceError, match=said):
            read_pdf(data)

    at_once(refused, 1)  # measured: 0.02 to 0.2


def test_what_bounds_a_pdf_is_in_place_while_it_is_open_alone() -> None:
    before = [vars(module).get(name) for module, name in _PARSERS]
    with open_bounded(pdf(zlib.compress(TEXT), "/FlateDecode")):
        assert all(
            vars(module).get(name) is not theirs for (module, name), theirs in zip(_PARSERS, before, strict=True)
        )
    assert [vars(module).get(name) for module, name in _PARSERS] == before
    assert "range" not in vars(pdfminer.pdffont)


def test_a_page_that_was_read_keeps_no_letters() -> None:
    with open_bounded(pdf(zlib.compress(TEXT), "/FlateDecode")) as file:
        assert sum(len(page.chars) for page in pages_of(file)) == 19
        assert not {"_layout", "_objects"} & {name for page in file.pages for name in vars(page)}


def test_an_lzw_stream_unpacks_as_the_reference_of_the_format_says() -> None:
    assert b"".join(_lzw(LZW)) == bytes([45, 45, 45, 45, 45, 65, 45, 45, 45, 66])
    zeros = b"\x80" + bytes(6000)  # code 0 without end: pdfminer's table grows past its last code
    unpacked = b"".join(_lzw(zeros))
    assert unpacked == lzwdecode(zeros) and len(unpacked) > 4096


def test_other_files_go_on_after_a_bomb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(BOMB, "/FlateDecode"))
    (tmp_path / "b.md").write_text(
        "# Cleaning\n\n## Procedure\n\n1. Open the lid.\n2. Clean the tank.\n3. Close the lid.\n"
    )
    main(["sop", str(tmp_path), "-o", str(tmp_path / "rows.jsonl")])
    assert "a.pdf: too large a PDF: a stream unpacks" in "".join(capsys.readouterr())
    assert "Clean the tank." in (tmp_path / "rows.jsonl").read_text()


def test_a_tag_with_masses_of_attributes_is_refused_wherever_it_stands() -> None:
    masses = " ".join(f"a{n}=1" for n in range(3000))
    pages = (
        f"<p {masses}>x</p>", f'<p x="<!--" {masses} y="-->">x</p>', f"<script {masses}></script>", f"<p x='>' {masses}>",
        f"<P\n{masses.replace('=1', '').replace(' ', '/')}",
    )  # fmt: skip
    for page in pages:
        for name in ("x.html", "x.md"):
            with pytest.raises(SourceError, match=r"a tag with 3,.* attributes"):
                document_of(f"<h1>T</h1>\n\n{page}".encode(), name)


def test_long_values_scripts_and_comments_are_no_masses_of_attributes() -> None:
    masses = " ".join(f"a{n}=1" for n in range(3000))
    beside = f"<script>if (i<a && {masses}) x</script><!-- <p {masses}> -->"
    page = f"<h1>Clean</h1>{beside}<ol title=\"{masses}\" lang='{masses}'><li>Open it.<li>Clean it.<li>Shut it.</ol>"
    assert [step.text for step in all_steps(document_of(page.encode(), "x.html"))] == [
        "Open it.",
        "Clean it.",
        "Shut it.",
    ]


@pytest.mark.parametrize(
    "page",
    [
        "<p>a<script>x</p><p>b",
        "<p>a<style>x</script><p>b</style><p>c",
        "<p>a<script>x</scriptx><p>b",
        "<p>a<script>x</script x='</script>'><p>b",
        "<p>a<script x='</script>'>q</script><p>b",
        "<p>a<script/><p>b<style src=a/>c</style>d",
        "<p>a<script-x><p>b</script-x><p>c",
        "<p>a<SCRIPT\n>x</Script\t/><p>b",
        "<!-- <script> --><p>b<!--><p>c<!-- x --!><p>d",
        "<title><script></title><p>b<textarea><style></textarea><p>c",
        "<p title='<script>'>b</p><p>c",
        "<p>a<\u017fcript>b",
    ],
)
def test_scripts_are_taken_out_where_the_parser_sees_them(page: str) -> None:
    def shown(page: str) -> str:
        root = tree(page)
        for script in root.xpath("//script | //style"):
            script.drop_tree()
        return clean(" ".join(root.itertext()))

    assert shown(_without_scripts(page)) == shown(page) != ""
    assert "script" not in {element.tag for element in tree(_without_scripts(page)).iter()}


@pytest.mark.parametrize("unit", ["<script>", "<script><style>", "<script></script ", "<script></scripts>"])
def test_scripts_that_nothing_closes_are_read_by_going_through_them_once(unit: str) -> None:
    page = "<h1>Clean</h1><ol><li>Open it.<li>Clean it.<li>Shut it.</ol>" + unit * 200_000
    read = at_once(
        lambda: document_of(page.encode(), "x.html"), 1.5
    )  # measured: 0.1 to 0.3; to the end of the page for each, hours
    assert len(all_steps(read)) == 3


@pytest.mark.parametrize(("unit", "count"), [("<b>a</b>", 8000), ("<section><h2>a</h2><p>b</p></section>", 3000)])
def test_thousands_of_parts_side_by_side_are_not_gone_through_for_each(unit: str, count: int) -> None:
    page = "<h1>Clean</h1><ol><li>Open it.<li>Clean it.<li>Shut it.</ol>" + unit * count
    read = at_once(lambda: document_of(page.encode(), "x.html"), 2)  # measured: 0.5 and 0.9; gone through for each 6
    assert len(all_steps(read)) == 3


def test_a_text_of_more_lines_than_a_thousand_pages_is_refused() -> None:
    for name in ("x.md", "x.txt"):
        with pytest.raises(SourceError, match="60,001 lines"):
            document_of(b"# A\n\n" * (MAX_LINES + 1), name)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 40_001, "40,001 paragraphs"),
        ('<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r></w:p>' * 1_001, "fields that never end"),
    ],
)
def test_a_docx_of_masses_is_refused_before_it_is_read(body: str, said: str) -> None:
    """A second for 8,000 open fields and half a minute for 40,000; ten seconds for 60,000 paragraphs."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>')
        archive.writestr("word/media/noise.bin", os.urandom(20_000))  # or else it is packed too well
    with pytest.raises(SourceError, match=said):
        document_of(packed.getvalue(), "x.docx")
