"""The HTML page of an experiment or of one evaluation: gathers what ``report`` draws.

Each module makes one section, and says in a sentence what is lacking for it, so that no section is
empty. What encoders have to be run for is kept in the folder ``report`` beside the results.
"""
