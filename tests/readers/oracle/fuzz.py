"""Fuzz the readers with coverage-guided pages, and save what breaks them, minimised.

    pip install atheris
    python -m tests.readers.oracle.fuzz --seconds 3600 --work FOLDER

FOLDER holds the corpus, so that a later run goes on, and the findings under `odd`. Those worth
keeping are in `tests/readers/oracle/odd`, each read by a test. atheris has wheels for few systems
and Python versions, so the package's extras do not name it.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import tempfile
import time
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["assistant"]):
    from tests.readers.oracle.reader import broken_promises, read_text

HERE = Path(__file__).parent
SLOW = 0.5
"""Seconds that no page of a few kilobytes should take."""
PATIENCE = 20
"""Seconds to spend on minimising a finding."""

# Marks that open, close or separate parts of a page: the fuzzer's dictionary.
MARKS = r"""
# a
## a
> a
>> a
- a
* a
1. a
    a
  - a
```
~~~
`a`
**a**
__a__
*a*
~~a~~
==a==
\a
a  |
<br/>
<!--
-->
<div>
</div>
<div markdown="1">
<p>
<table><tr><td>
<th>
</table>
<ul><li>
<pre>
</pre>
<script>
</script>
<a name=x>
<a href=x>
</a>
<img src=x alt=y>
<h2>
</h2>
<details><summary>
<Tabs>
</Tabs>
<Card title='a'>
<Card
/>
[a](b)
![a](b)
[[a#b|c]]
![[a]]
[^a]
[^a]: b
[x]: /y
[a][x]
> [!note]+ a
{{ a }}
{% a %}
{{< a "b" >}}
{% comment %}
{% endcomment %}
{% highlight a %}
{% endhighlight %}
{: .a}
{#a}
{: #a}
{::options a /}
{::comment}
{:/}
{:toc}
!!! note
??? a "b"
=== "a"
:::
:::note
:::{tip} a
```{note}
:class: a
(a)=
{ref}`a <b>`
%%
$$
++a++
{++
++}
:material-x:
:smile:
 ^a
*[A]: b
--8<-- "a"
import a from 'b'
import {
export const a = 1
[TOC]
&amp;
&nbsp;
&#x200b;
&
---
+++
***
title: a
lang: de
===
| a | b |
|-|-|
|
: a
""".strip("\n").split("\n")


def faults(folder: Path, source: str, name: str) -> str:
    """Return what is wrong with how a page is read; equal faults give equal texts."""
    started = time.process_time()
    try:
        promises = broken_promises(read_text(folder, source, name))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        frames = traceback.extract_tb(error.__traceback__)
        return f"{type(error).__name__} in {Path(frames[-1].filename).name} {frames[-1].name}"
    if time.process_time() - started > SLOW:
        return "slow"
    if not promises:
        return ""
    return re.sub(r"'[^']*'|\"[^\"]*\"|page\S+|\(.*\)|\d+", "…", promises[0])[:80]


def smallest(folder: Path, source: str, name: str) -> str:
    """Return the page without every run of characters that its fault does not need."""
    fault, until = faults(folder, source, name), time.monotonic() + PATIENCE
    size = len(source) // 2
    while size and time.monotonic() < until:
        at, before = 0, len(source)
        while at < len(source) and time.monotonic() < until:
            shorter = source[:at] + source[at + size :]
            if faults(folder, shorter, name) == fault:
                source = shorter
            else:
                at += size
        size = size if len(source) < before else size // 2
    return source


def decoded(data: bytes) -> tuple[str, str]:
    """Return a page's text and name from any bytes; every other first letter makes it MDX."""
    source = data.decode("utf-8", "ignore").replace("\x00", "").replace("\r", "\n")
    return source, "page.mdx" if data[:1] > b"a" or data[:1] == b"<" else "page.md"


def fuzz(work: Path, seconds: int) -> None:
    """Grow pages for so many seconds; each fault is saved the first time."""
    scratch = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    odd, grown = work / "odd", work / "grown"
    for folder in (odd, grown):
        folder.mkdir(parents=True, exist_ok=True)
    marks = work / "marks.dict"
    marks.write_bytes(
        b"".join(b'"%s"\n' % escaped(mark) for mark in [*MARKS, r"\n", r"\n\n", r"\t"])
    )
    known: set[str] = set()

    def one(data: bytes) -> None:
        source, name = decoded(data)
        fault = faults(scratch, source, name)
        if not fault or fault in known:
            return
        known.add(fault)
        page = smallest(scratch, source, name)
        stem = re.sub(r"\W+", "-", fault).strip("-").lower()[:40]
        digest = hashlib.sha256(page.encode()).hexdigest()[:6]
        path = odd / f"{stem}-{digest}{Path(name).suffix}"
        path.write_text(page, encoding="utf-8", newline="")
        print(f"FOUND {fault}: {path}", flush=True)  # noqa: T201

    arguments = [
        "fuzz", f"-max_total_time={seconds}", "-max_len=3000", f"-dict={marks}", "-timeout=60",
        "-rss_limit_mb=4096", "-print_final_stats=1", str(grown), str(HERE / "odd"),
        str(HERE.parent / "guides"),
    ]  # fmt: skip
    atheris.Setup(arguments, one)
    atheris.Fuzz()


def escaped(mark: str) -> bytes:
    """Return a mark in the syntax of a fuzzer's dictionary."""
    text = mark.replace(r"\n", "\n").replace(r"\t", "\t")
    return b"".join(b"\\x%02x" % byte for byte in text.encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    fuzz(options.work, options.seconds)
