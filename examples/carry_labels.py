"""Names that are marked in a text, found again in its translation."""

import crosszero as cz
from crosszero.align.linker import WordLinker
from crosszero.align.spans import from_words
from crosszero.projection import Label, project_spans

encoder = cz.Encoder.load("crosszero-mini-aligned")
source = ["The", "king", "of", "France", "saw", "the", "sea"]
target = ["Le", "roi", "de", "France", "a", "vu", "la", "mer"]
labels = [Label(0, 4, "PERSON"), Label(3, 4, "PLACE")]  # words 0 to 3, and word 3

(links,) = WordLinker(encoder).link([from_words(source)], [from_words(target)])
found = project_spans(labels, links, source, target)
for first, end, name in found.labels:
    print(f"{name:8}{' '.join(target[first:end])}")
for number, reason in found.dropped:
    print(f"{labels[number].name} was dropped: {reason}")
