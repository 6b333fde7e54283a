"""What all tests share: property tests are judged by what they find, never by their time."""

from contextlib import suppress

with suppress(ImportError):  # the benchmarks do without hypothesis
    from hypothesis import settings

    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
