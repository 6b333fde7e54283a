"""One client after the other drives the same server; what each saw, and what the server wrote."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.peers.load.clients import Client, Plan, Seen, prepare, wall_ahead_ns
from tests.peers.load.following import Followed, follow
from tests.peers.load.server import Served, Server

WORDS = ("how", "much", "does", "the", "blue", "parrot", "cost", "and", "will", "it", "say", "so")


def prompts(count: int) -> list[str]:
    """So many, each of 20 words and a number."""
    return [
        " ".join([*(WORDS[(n * 7 + k * (n % 5 + 1)) % len(WORDS)] for k in range(20)), str(n)])
        for n in range(count)
    ]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A client's turn.

    Attributes:
        client: Its name.
        seen: What it says that it saw.
        served: What the server wrote down of these calls, in the order of arrival.
        followed: What its processes took.
    """

    client: str
    seen: Seen
    served: Sequence[Served]
    followed: Followed

    @property
    def starts_in_s(self) -> float:
        """From its start to its first call that counts."""
        return (self.served[0].received_ns - self.followed.begun_ns) / 1e9

    @property
    def cpu_s(self) -> float:
        """CPU seconds of a call, while it makes calls.

        Of the calls after the first tenth, until the last is made: a client that is only
        beginning, or is already adding up, isn't what a call costs.
        """
        first, last = len(self.served) // 10, len(self.served) - 1
        spent = self.followed.cpu_between(
            self.served[first].received_ns, self.served[last].received_ns
        )
        return spent / (last - first)


def drive(
    client: Client,
    server: Server,
    plan: Plan,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> Turn:
    """Let a client drive the server.

    Args:
        client: The client.
        server: The server.
        plan: What it is to do.
        meanwhile: What is done to the server while it does.
    """
    prepare(plan, prompts(plan.calls))
    server.served()
    ahead = wall_ahead_ns()
    followed = follow(
        client.words(plan),
        plan.folder,
        {"PEERS_URL": plan.url, **client.env},
        fine=client.fine,
        meanwhile=meanwhile,
    )
    ahead = (ahead + wall_ahead_ns()) // 2
    served = server.served()[client.warm_up :]
    return Turn(
        client=client.name,
        seen=client.read(plan.folder, ahead),
        served=served,
        followed=followed,
    )


def in_turn(clients: Sequence[Client], server: Server, plan: Plan, turns: int) -> Iterator[Turn]:
    """Let all clients drive the server, one after the other, several times."""
    for turn in range(turns):
        for client in clients:
            folder = plan.folder / f"{turn}-{client.name.replace(', ', '-').replace(' ', '-')}"
            yield drive(client, server, replace(plan, folder=folder))
