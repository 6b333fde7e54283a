"""Parity: do all modes give the same content, usage, metadata and callbacks?"""
