"""Encoders elsewhere: on the hub."""
