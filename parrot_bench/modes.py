"""The execution modes: one public way each to call a ``BaseChatModel``.

(Interface; the table is to be filled.)
"""
