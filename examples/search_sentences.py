"""The sentences that are nearest to a question, in whatever language they are."""

import crosszero as cz
from crosszero.search import find_neighbours

encoder = cz.Encoder.load("crosszero-mini-aligned")
texts = ["Le roi a vu la mer.", "Abrir una ventana nueva.", "Скачать файл", "打开新窗口"]
question = "Open a new window."

found = find_neighbours(encoder.encode([question]), encoder.encode(texts), k=2)
print(question)
for number, cosine in zip(found.index[0], found.similarity[0], strict=True):
    print(f"  {cosine:.2f}  {texts[number]}")
