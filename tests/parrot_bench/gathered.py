"""What a study's conclusion needs to know of a model, and never looks at."""

from parrot_bench.events import Described
from parrot_bench.record import Environment, ModelDescription, ModeRecord

_MODEL = ModelDescription(
    spec="", class_name="a.B", llm_type="b", model_name="", identifying_params={},
    native_async=True, native_stream=True, waits=False, second_instance="",
)  # fmt: skip
_HERE = Environment(
    python="", platform="", cpu="", logical_cpus=1, memory_bytes=1, governor="", packages={},
    commit="", dirty=None, hash_seed="", event_loop="",
)  # fmt: skip


def described(modes: tuple[ModeRecord, ...] = ()) -> Described:
    """A model with these modes, somewhere."""
    return Described(_MODEL, _HERE, (), modes, 2, None, 1)
