"""Two sides measured in one sitting: ``parrot-bench run MODEL --against OTHER``.

What OTHER names (:mod:`other`) becomes a side of its own (:mod:`sides`): another model, the
files of a commit (:mod:`checkout`), or an environment in which something else is installed
(:mod:`environments`). Both are measured by pairs of fresh processes (:mod:`pairs`).
"""
