"""Comparing saved runs: ``parrot-bench compare A B``.

Separate runs were made at separate times: medians of the same code differ by 8 to 10 % between
them. What differs by less is not told from that unless there are several runs a side. Use
``parrot-bench run --against`` where both sides can be measured in one sitting.
"""
