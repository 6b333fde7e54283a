"""What all tests share: property tests are judged by what they find, never by their time.

Here they try the same examples every time: a suite that fails now and then is believed by nobody.
``nox -s tests -- --hypothesis-profile=exploring`` tries others.
"""

from contextlib import suppress

with suppress(ImportError):  # the benchmarks do without hypothesis
    from hypothesis import settings

    settings.register_profile("repeatable", deadline=None, derandomize=True)
    settings.register_profile("exploring", deadline=None)
    settings.load_profile("repeatable")
