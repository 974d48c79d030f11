"""What of the shells leaks into documents read back, and what of the texts is lost.

    python tests/quality/shells [FILE.md…] [SHELL…] [-v] [--printed]

Each Markdown file is put into every shell and read back: the median of its headings and steps that are found, with the worst,
lines of it that are lost, lines that stand in the result and not in it, titles and warnings missed, and texts of the shell.
-v names them. --printed has Chromium print each page, and reads the PDF; those of `prints` are always printed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import shells
from curator.errors import SourceError
from curator.sop.convert import document_of, read_document
from curator.sop.document import Document, Para, Step, steps
from curator.sop.reading import words_of
from shells import files


def notes(document: Document) -> Counter[str]:
    """What a document warns of."""
    found: list[Para | Step] = [step for section in document.sections for step in steps(section.blocks) if step.note]
    found += [b for section in document.sections for b in section.blocks if isinstance(b, Para) and b.note]
    return Counter(" ".join(words_of(block.text)) for block in found)


def printed(page: str) -> bytes:
    """A page as Chromium prints it."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "page.html", Path(folder) / "page.pdf"
        linked = re.sub(
            r"<a(?=[\s>])(?![^>]*\bhref=)", '<a href="https://site.example/page"', page
        )  # no link of a site leads nowhere
        source.write_text(linked, encoding="utf-8-sig")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", f"--print-to-pdf={output}"]  # fmt: skip
        if "@page" in page:  # it has running heads of its own
            command.append("--no-pdf-header-footer")
        subprocess.run([*command, source.as_uri()], check=True, capture_output=True)
        return output.read_bytes()


def read_back(name: str, markdown: str, *, in_print: bool) -> tuple[Document, list[str]]:
    """A text read back from a shell, and what of the shell leaked."""
    is_page = name in files.FILES
    page = (files if is_page else shells).framed(name, markdown)
    try:
        document = (
            document_of(printed(page), "page.pdf")
            if in_print or name in files.PRINTS
            else document_of(page.encode(), "page.html")
        )
    except SourceError as error:
        print(f"  {name}: {error.what}")
        return Document(), []
    return document, files.leaked(name, document, markdown) if is_page else shells.leaks(document)


def main(given: list[Path], chosen: list[str], *, tell: bool, in_print: bool) -> int:
    print(
        f"{'shell':<20}{'headings':>13}{'steps':>13}{'lost':>6}{'strange':>9}{'titles':>8}{'warnings':>10}{'leaks':>7}"
    )
    whole = Counter[str]()
    references = [(file.name, file.read_text(encoding="utf-8"), read_document(file)) for file in given]
    for name in chosen or [*shells.SHELLS, *files.PAGES, *(files.PRINTS if in_print else ())]:
        found, leaks, odd, counts = [], Counter[str](), Counter[str](), Counter[str]()
        for file, markdown, reference in references:
            document, leaked = read_back(name, markdown, in_print=in_print)
            found.append(shells.kept(reference, document))
            missing = files.lost(document, reference)
            untold = sum((notes(reference) - notes(document)).values())
            named = " ".join(words_of(document.title)) == " ".join(words_of(shells.title_and_body(markdown, titled=True)[0]))  # fmt: skip
            strange = [*files.strange(document, reference, markdown)]
            counts.update(lost=len(missing), titles=not named, warnings=untold, strange=len(strange), leaks=len(leaked), pages=1, leaky=bool(leaked))  # fmt: skip
            leaks.update(leaked)
            odd.update(strange)
            if tell and (min(found[-1]) < 1 or missing or untold or not named):
                print(f"  {file}: {found[-1]} by {document.source.extractor}, {untold} warnings, {'' if named else repr(document.title)} lost {missing[:6]}")  # fmt: skip
        shares = "".join(f"{median(share):>6.2f} ({min(share):.2f})" for share in zip(*found, strict=True))
        print(f"{name:<20}{shares}{counts['lost']:>6}{counts['strange']:>9}{counts['titles']:>8}{counts['warnings']:>10}{counts['leaks']:>7}", flush=True)  # fmt: skip
        if tell:
            print("".join(f"    {n:>3} leak {text}\n" for text, n in leaks.items()) + "".join(f"    {n:>3} line {text[:150]}\n" for text, n in odd.items()), end="")  # fmt: skip
        whole += counts
    print(", ".join(f"{key} {whole[key]}" for key in ("pages", "lost", "strange", "titles", "warnings", "leaks")), f"on {whole['leaky']} pages")  # fmt: skip
    return 0


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[1:] if name.endswith(".md")]
    chosen = [name for name in sys.argv[1:] if name in shells.SHELLS or name in files.FILES]
    sys.exit(main(given or shells.texts(), chosen, tell="-v" in sys.argv, in_print="--printed" in sys.argv))
