"""Fine-tuning that makes a sentence classifier robust, with English alone.

The words of another language have other embeddings than their English translations. A model that
gives the same answer in a neighbourhood of English sentences has a better chance to give it there
(docs/method.md, Related methods).

``synonyms`` and ``ear`` find the neighbourhood in a table of synonyms that the user names,
``adversarial`` and ``smoothing`` in an L2 ball around each word's input embedding.
"""
