"""A page that unpacks to too much is reported by the limit it is over, and the rest is read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from assistant.guide import page as guides
from assistant.index import builder
from assistant.index import index as indexes
from assistant.readers.sandbox import Limits, Sandbox
from tests.documents import docx, drawn, forms, paragraph, pdf, printed

pytest.importorskip("markitdown")

pytestmark = pytest.mark.slow

ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
NESTED = "<w:tbl><w:tr><w:tc>"
NESTED_END = "</w:tc></w:tr></w:tbl>"

# What a file is, its bytes, and what is said of it.
OVER = {
    "paragraphs packed 400 times": (
        "a.docx",
        lambda: docx(paragraph("x") * 80_000),
        "100 times its size",
    ),
    "rows packed 300 times": ("a.docx", lambda: docx("<w:tc/>" * 500_000), "100 times its size"),
    "one word of 30 MB": (
        "a.docx",
        lambda: docx(paragraph("x" * 30_000_000)),
        "100 times its size",
    ),
    "tables in each other": (
        "a.docx",
        lambda: docx(NESTED * 60 + NESTED_END * 60),
        "more than 150 deep",
    ),
    "more elements than any book": (
        "a.docx",
        lambda: docx("".join(f'<w:p w:a="{n * n}"/>' for n in range(520_000))),
        "more than 1,000,000 elements",
    ),
    "entities in entities": (
        "a.docx",
        lambda: docx(paragraph("&a9;"), f'<!DOCTYPE x [<!ENTITY a0 "ha">{ENTITIES}]>'),
        "declares entities",
    ),
    "files without end": (
        "a.docx",
        lambda: docx("<w:p/>", files={f"word/media/{n}.png": b"" for n in range(20_001)}),
        "more than 20,000 files",
    ),
    "a stream packed twice": ("a.pdf", lambda: pdf(b" " * 60_000_000, packed=2), "more than 50 MB"),
    "a page packed 1,000 times": ("a.pdf", lambda: pdf(b"q Q " * 500_000), "100 times its size"),
    "more words than fit on a page": (
        "a.pdf",
        lambda: pdf(drawn(*["words " * 15] * 1_200)),
        "more than 100,000 characters",
    ),
    "forms in forms": ("a.pdf", lambda: forms(12), "more than 100,000 characters and lines"),
    "pages without end": ("a.pdf", lambda: pdf(*[b""] * 5_001), "more than 5,000 pages"),
}


def read(folder: Path, *named: tuple[str, bytes]) -> dict[str, str]:
    """What is said of each page that is not read; the page beside them has to be read."""
    for name, raw in named:
        (folder / name).write_bytes(raw)
    (folder / "beside.md").write_text("# Beside\n\nThis page is read.\n")
    (folder / "letter.docx").write_bytes(docx(paragraph("And this letter.")))
    guide = guides.read_guide(folder)
    said = [passage.text for passage in guide.passages]
    assert "Beside\n\nThis page is read." in said
    assert "And this letter." in said
    return {oddity.path: oddity.message for oddity in guide.warnings if oddity.unreadable}


@pytest.mark.parametrize("shape", OVER)
def test_a_document_over_a_limit_is_reported_and_the_rest_is_read(tmp_path, shape: str) -> None:
    name, make, limit = OVER[shape]
    unread = read(tmp_path, (name, make()))
    assert list(unread) == [name]
    assert limit in unread[name]


@pytest.mark.parametrize("shape", ["paragraphs packed 400 times", "a stream packed twice"])
def test_what_is_over_a_limit_names_the_page_and_what_to_do(tmp_path, shape: str) -> None:
    name, make, _ = OVER[shape]
    what = read(tmp_path, (name, make()))[name]
    assert what.startswith(f"{name} cannot be read as")
    assert "split it, or save it as text" in what


def test_an_index_is_built_of_the_pages_that_are_in_their_limits(tmp_path, word_encoder) -> None:
    corpus = tmp_path / "guide"
    corpus.mkdir()
    for number, (name, raw, _) in enumerate(list(OVER.values())[:2]):
        (corpus / f"{number}-{name}").write_bytes(raw)
    (corpus / "cats.md").write_text("# Cats\n\nA cat drinks milk.\n")
    built = builder.build_index(corpus, tmp_path / "index", word_encoder)
    assert [oddity.unreadable for oddity in built.warnings] == [True, True]
    assert indexes.open_index(tmp_path / "index").store.size == 1


def test_no_document_over_a_limit_takes_much_memory(tmp_path) -> None:
    for number, (name, raw, _) in enumerate(OVER.values()):
        (tmp_path / f"{number}-{name}").write_bytes(raw)
    (tmp_path / "beside.md").write_text("# Beside\n\nThis page is read.\n")
    script = f"""
import resource
from pathlib import Path
from assistant.guide import page as guide
from assistant.readers import sandbox as reader_process
found = guide.read(Path({str(tmp_path)!r}))
reader_process.close()
unit = 1 if __import__("sys").platform == "darwin" else 1024
peaks = [resource.getrusage(who).ru_maxrss * unit // 1_000_000
         for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(len([oddity for oddity in found.oddities if oddity.unread]), *peaks)
"""
    # Through a shell: what a process had taken before it started another counts for that one.
    ran = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1"', sys.executable, script],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    unread, parent, child = map(int, ran.stdout.split())
    assert unread == len(OVER)
    assert child < 400
    assert parent < 200


def test_a_document_with_large_pictures_is_read_without_them(tmp_path) -> None:
    pictures = {"word/media/a.png": b"\0" * 120_000_000}
    assert read(tmp_path, ("a.docx", docx(paragraph("Words."), files=pictures))) == {}


def test_what_an_archive_says_of_a_size_is_not_believed(tmp_path) -> None:
    honest = docx(paragraph("x" * 3_000_000))
    size = ZipFile(BytesIO(honest)).getinfo("word/document.xml").file_size
    lying = honest.replace(size.to_bytes(4, "little"), (500).to_bytes(4, "little"))
    assert lying != honest
    assert list(read(tmp_path, ("a.docx", lying))) == ["a.docx"]


def test_a_long_document_is_read(tmp_path) -> None:
    assert read(tmp_path, ("a.docx", docx(printed(40))), ("b.pdf", report(8))) == {}


def report(pages: int) -> bytes:
    line = " ".join(reversed("it is stopped again when the operator of the plant says so".split()))
    return pdf(
        *(drawn(f"Chapter {n}", *[f"{line} {n}.{row}" for row in range(50)]) for n in range(pages))
    )


# Pages of text.


RAGGED = ".. csv-table::\n\n" + "   a\n" * 40_000 + "   " + "," * 9_000 + "\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_restructured_text_that_takes_too_much_memory_is_read_as_plain(tmp_path) -> None:
    (tmp_path / "a.rst").write_text(f"Pumps\n=====\n\n{RAGGED}")
    (tmp_path / "b.rst").write_text("Valves\n======\n\nA *valve* is shut.\n")
    guide = guides.read_guide(tmp_path)
    assert guide.passages[-1].text == "Valves\n\nA valve is shut."
    assert guide.passages[0].text.startswith("Pumps")
    (oddity,) = guide.warnings
    assert oddity.message.startswith("The page was read as plain text: reading it takes more than")


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.rst", "a.txt"])
def test_a_file_larger_than_a_page_may_be_is_not_taken_into_memory(tmp_path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(20_000_001)
    assert read(tmp_path) == {name: f"{name} has more than 20 MB; split it."}


def test_a_packed_file_may_be_larger_for_its_pictures(tmp_path) -> None:
    for name in ("a.docx", "a.pdf"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(200_000_001)
    assert set(read(tmp_path).values()) == {
        f"{name} has more than 200 MB; split it." for name in ("a.docx", "a.pdf")
    }


@pytest.mark.parametrize(
    "matter",
    [
        "+++\n" + "a." * 20_000 + "a = 1\n+++\n",
        "+++\n[" + "a . " * 20_000 + "a]\n+++\n",
        "+++\nx = { " + '"a".' * 10_000 + "a = 1 }\n+++\n",
        "---\na:\n " + "- " * 50_000 + "x\n---\n",
        "---\n" + "? " * 50_000 + "x\n---\n",
        "---\n" + "".join(" " * depth + "a:\n" for depth in range(400)) + "---\n",
    ],
    ids=["a key", "a table", "quoted keys", "lists", "keys that are keys", "steps"],
)
def test_front_matter_that_nests_too_deep_is_reported_and_its_page_is_read(
    tmp_path, matter
) -> None:
    (tmp_path / "a.md").write_text(f"{matter}# Head\n\nWords.\n")
    guide = guides.read_guide(tmp_path)
    assert [passage.text for passage in guide.passages] == ["Head\n\nWords."]
    (oddity,) = guide.warnings
    assert "more than 100 deep" in oddity.message


def test_text_between_two_breaks_is_no_front_matter_however_long(tmp_path) -> None:
    (tmp_path / "a.md").write_text("---\n" + "Words of it.\n\n" * 20_000 + "---\n")
    guide = guides.read_guide(tmp_path)
    assert guide.passages[0].text.startswith("Words of it.")
    assert [oddity.unreadable for oddity in guide.warnings] == [False]


@pytest.mark.parametrize(
    "matter",
    [
        "+++\ntitle = 'Dots ... and more. Yes.'\n[a.b.c.d]\ne.f = [[1, [2]], {g.h = 3}]\n+++\n",
        "---\ntitle: Dots ... and more. Yes.\na:\n  b:\n    - - c\n      - {d: [e, {f: g}]}\n---\n",
    ],
)
def test_front_matter_as_people_write_it_is_read(tmp_path, matter: str) -> None:
    (tmp_path / "a.md").write_text(f"{matter}Words.\n" + "x: y\n" * 1_000)
    guide = guides.read_guide(tmp_path)
    assert guide.pages[0].title == "Dots ... and more. Yes."
    assert guide.warnings == ()


# The process.

LONG = docx(printed(60))


@pytest.fixture
def process():
    started: list[Sandbox] = []

    def start(**limits: int) -> Sandbox:
        started.append(Sandbox("office", Limits(**limits)))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_page_that_takes_too_much_memory_is_refused_and_the_next_is_read(process) -> None:
    reader = process(memory=60_000_000)
    letter = docx(paragraph("A letter."))
    for _ in range(2):  # in a new process, and in one that has read a page
        with pytest.raises(ValueError, match="more than 60 MB of memory; split it"):
            reader.read(".docx", LONG)
        assert "A letter." in reader.read(".docx", letter)[0]


def test_a_page_that_takes_too_long_is_refused_and_the_next_is_read(process) -> None:
    reader = process(seconds=0)  # and the one that has begun
    with pytest.raises(ValueError, match="more than 0 s of CPU time; split it"):
        reader.read(".docx", LONG)
    assert "A letter." in reader.read(".docx", docx(paragraph("A letter.")))[0]


def test_a_page_that_is_waited_for_too_long_is_refused_and_the_next_is_read(process) -> None:
    reader = process(wall=1)
    with pytest.raises(ValueError, match="more than 1 s; split it"):
        reader.read(".docx", docx(printed(150)))
    assert "A letter." in reader.read(".docx", docx(paragraph("A letter.")))[0]


def test_many_pages_are_read_by_one_process_which_refuses_nothing_for_good(process) -> None:
    reader = process()
    pids = set()
    for number in range(30):
        assert f"Letter {number}" in reader.read(".docx", docx(paragraph(f"Letter {number}")))[0]
        with pytest.raises(ValueError, match="no archive"):
            reader.read(".docx", b"none")
        pids.add(reader._child.pid)
    assert len(pids) == 1


def test_a_process_that_was_ended_is_started_again(process) -> None:
    reader = process()
    reader.read(".docx", docx(paragraph("One.")))
    os.kill(reader._child.pid, signal.SIGKILL)
    assert "Two." in reader.read(".docx", docx(paragraph("Two.")))[0]


def python(tmp_path: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    (tmp_path / "script.py").write_text(script)
    return subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "READ_FOR": str(tmp_path)},
    )  # fmt: skip


def assert_none_is_left(tmp_path: Path) -> None:
    """No process that a script started is alive; Linux says which they are."""
    mark = f"READ_FOR={tmp_path}\0".encode()
    deadline = time.monotonic() + 20
    while any(mark in environment(place) for place in Path("/proc").glob("[0-9]*/environ")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def environment(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError:  # it has ended since, or is another user's
        return b""


def test_the_process_ends_within_a_page_when_its_parent_is_killed(tmp_path) -> None:
    (tmp_path / "a.docx").write_bytes(docx(printed(300)))
    parent = python(tmp_path, f"""
import threading
from pathlib import Path
from assistant.readers.sandbox import ReaderProcess
reader = ReaderProcess("office")
raw = Path({str(tmp_path / "a.docx")!r}).read_bytes()
threading.Thread(target=reader.read, args=(".docx", raw)).start()
while not reader._child or reader._line.gettimeout() != 3600:
    pass
print("begun", flush=True)
""")  # fmt: skip
    with parent:
        assert parent.stdout.readline() == "begun\n"
        parent.kill()
    assert_none_is_left(tmp_path)


def test_a_script_without_a_main_guard_reads_documents_in_forked_workers_and_leaves_none(
    tmp_path,
) -> None:
    folder = tmp_path / "guide"
    folder.mkdir()
    for number in range(70):
        (folder / f"{number:02}.docx").write_bytes(docx(paragraph(f"Letter {number}")))
    for number in range(5):
        (folder / f"large{number}.txt").write_text("Plain words in a row.\n\n" * 40_000)
    ran = python(tmp_path, f"""
import os
from pathlib import Path
from assistant.guide import page as guide
from assistant.readers.decode import read
read("a.docx", Path({str(folder / "00.docx")!r}).read_bytes())  # a process of the parent's own
found = guide.read(Path({str(folder)!r}))
print(len([page for page in found.pages if page.path.endswith("docx")]), found.oddities)
read("a.docx", Path({str(folder / "00.docx")!r}).read_bytes())
""")  # fmt: skip
    with ran:
        out, err = ran.communicate(timeout=120)
    assert (out, err) == ("70 ()\n", "")
    assert_none_is_left(tmp_path)


def test_forked_workers_and_their_processes_end_when_the_parent_is_killed(tmp_path) -> None:
    folder = tmp_path / "guide"
    folder.mkdir()
    for number in range(64):
        (folder / f"{number:02}.docx").write_bytes(docx(printed(30)))
    for number in range(5):
        (folder / f"large{number}.txt").write_text("Plain words in a row.\n\n" * 40_000)
    parent = python(tmp_path, f"""
from pathlib import Path
from assistant.guide import page as guide
print("begun", flush=True)
guide.read(Path({str(folder)!r}))
""")  # fmt: skip
    with parent:
        assert parent.stdout.readline() == "begun\n"
        time.sleep(5)  # the workers have begun, and each one its process
        parent.kill()
    assert_none_is_left(tmp_path)


def test_documents_are_read_where_another_program_has_python_built_in(tmp_path) -> None:
    ran = python(tmp_path, f"""
import sys, multiprocessing
multiprocessing.set_executable("/usr/sbin/host")
from assistant.readers.decode import read
print("Words." in read("a.docx", {docx(paragraph("Words."))!r}).text)
""")  # fmt: skip
    with ran:
        out, err = ran.communicate(timeout=120)
    assert (out, err) == ("True\n", "")


def test_a_process_that_cannot_be_started_says_so(tmp_path) -> None:
    ran = python(tmp_path, f"""
import sys, multiprocessing
multiprocessing.set_executable("/nowhere/python")
from assistant.errors import GuideError
from assistant.readers.decode import read
try:
    read("a.docx", {docx(paragraph("Words."))!r})
except GuideError as error:
    print(error.what)
""")  # fmt: skip
    with ran:
        out, _ = ran.communicate(timeout=120)
    assert "/nowhere/python, which would read it, does not start" in out


def test_what_reads_a_page_may_write_no_file_start_no_process_and_open_no_connection(
    tmp_path,
) -> None:
    ran = python(tmp_path, f"""
import socket, subprocess
from pathlib import Path
from assistant.readers import sandbox as reader_process
reader_process._confine(500_000_000)
target = Path({str(tmp_path / "written")!r})
for attempt in (
    lambda: target.write_text("words"),
    lambda: subprocess.run(["true"]),
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.getaddrinfo("localhost", 80),
):
    try:
        attempt()
        print("done")
    except OSError as error:
        print(type(error).__name__)
""")  # fmt: skip
    with ran:
        out, err = ran.communicate(timeout=120)
    assert (out.split(), err) == (["OSError", *["PermissionError"] * 3], "")
    assert not (tmp_path / "written").read_text()
