"""The HTML page of an experiment or of one evaluation: one file that needs nothing beside it.

Each section says in a sentence what is lacking for it, so that none is empty. What encoders have to
be run for is kept in the folder ``report`` beside the results. Curves need matplotlib, maps
scikit-learn too (extra ``report``); maps whose points answer the pointer need plotly.
"""
