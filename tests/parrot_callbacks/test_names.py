"""The names of the package: each can be had, and nothing is loaded before it is."""

import parrot_callbacks


def test_every_name_can_be_imported() -> None:
    for name in parrot_callbacks.__all__:
        assert getattr(parrot_callbacks, name).__name__ == name
    assert dir(parrot_callbacks) == parrot_callbacks.__all__
    assert sorted(parrot_callbacks._HOME) == sorted(parrot_callbacks.__all__)
