"""What calls are asked: prompts as they are given, or made up of lengths as they come. Pure."""

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

Prompt = str | list[tuple[str, str]] | dict[str, Any]
"""A text, messages as pairs of role and content, or an object that a Runnable takes."""

CHARACTERS = 4
"""Of a token, about; how many there are the model alone can tell."""

MOST_TOKENS = 1_000_000

_LENGTHS = re.compile(r"(\d{1,20})(?::(\d{1,20}))?")
_P95 = 0.95

_TAIL = 1e-6
"""No prompt is further out: the ends of the lines would go on for ever."""

_TEXT = 200_000
"""Characters of the text that prompts are cut out of, at first."""

_WORDS = re.findall(
    r"\w+",
    """
about after again against all also always and another answer any around ask away back bad be
because before begin best better between big bird blue both bring build business buy but call can
carry case change check city clear close cold come common could country course cut day dear deep
did different do door down draw drive early earth east easy eat end enough even ever every eye
fact fall far fast father feel few field figure find fire first five fly follow food foot for form
four free friend from full game gave get girl give go gold good great green ground grow had half
hand happen hard has have he head hear heat help her here high him his hold home horse hot hour
house how hundred idea if in inch into is island it just keep kind king knew know land large last
late laugh lead learn leave left less let letter life light like line list listen little live long
look lot love low machine made main make man many map mark may mean measure men might mile mind
minute miss money moon more morning most mother mountain move much music must my name near need
never new next night no north notice now number of off often old on once one only open or order
our out over own page paper parrot part pass people perhaps person picture piece place plain plan
plant play point port power press problem product pull put question quick rain ran reach read
ready real red rest right river road rock room round rule run said same say school sea second see
seem self sentence serve set several shape she ship short should show side simple since sing sit
six size sleep slow small snow so some song soon sound south space speak special stand star start
state stay step still stood stop story street strong such sun sure surface table tail take talk
teach tell ten test than that the their them then there these they thing think this those though
thought thousand three through time to together too took top toward town travel tree true try turn
two under unit until up upon us use usual very voice vowel wait walk want war warm was watch water
way we week well went were west what wheel when where which while white who whole why will wind
with wonder wood word work world would write year yes yet you young
""",
)


@dataclass(frozen=True, slots=True)
class PromptLengths:
    """How long prompts are: quantiles, and a line between them on a log scale.

    The line is drawn against the normal distribution's quantiles, so that two points make a
    lognormal one, and its ends go on straight.

    Attributes:
        name: As it was asked for.
        points: Share of prompts, and the tokens that they have at most; both rising. One point
            alone, and all have the same length.
    """

    name: str
    points: tuple[tuple[float, int], ...]

    def tokens(self, share: float) -> int:
        """The length that this share of prompts is shorter than, at least 1.

        Args:
            share: Over 0 and under 1.
        """
        (_, first), *others = self.points
        if not others:
            return first
        at = _normal(share)
        pairs = list(zip(self.points, self.points[1:], strict=False))
        (left, low), (right, high) = next(
            (pair for pair in pairs if share <= pair[1][0]), pairs[-1]
        )
        slope = (math.log(high) - math.log(low)) / (_normal(right) - _normal(left))
        length = math.exp(math.log(low) + slope * (at - _normal(left)))
        return max(1, min(MOST_TOKENS, round(length)))

    def prompts(self, source: random.Random) -> Iterator[str]:
        """Make up one prompt after the other, without an end.

        Each is cut out of a long text somewhere else: that takes 7 us, where making it up word by
        word would take 170, which the client under load does not have.

        Args:
            source: What they are drawn from.
        """
        text = plain(_TEXT, source)
        while True:
            wanted = CHARACTERS * self.tokens(min(max(source.random(), _TAIL), 1 - _TAIL))
            begin = source.randrange(len(text))
            while len(text) < begin + wanted:
                text += " " + plain(_TEXT, source)
            yield text[begin : begin + wanted].strip() or "a"

    def __str__(self) -> str:
        return self.name


CONVERSATION = PromptLengths("conversation", ((0.5, 582), (0.8, 1427), (0.95, 2345), (0.99, 3549)))
"""What people sent to GPT-4 in conversations: the trace BurstGPT (Wang et al. 2024,
arXiv:2401.17644), as quoted by Llumnix (Sun et al. 2024, OSDI), in tokens."""

SHIPPED = {CONVERSATION.name: CONVERSATION}


def lengths(text: str) -> PromptLengths:
    """Read lengths of prompts: ``conversation``, tokens as ``500``, or median and p95 ``500:2000``.

    Raises:
        ValueError: They are none; the message says what would be.
    """
    wanted = text.strip()
    if wanted in SHIPPED:
        return SHIPPED[wanted]
    match = _LENGTHS.fullmatch(wanted) if wanted.isascii() else None
    if match:
        median, p95 = (int(match[1]), int(match[2] or match[1]))
        if 1 <= median <= p95 <= MOST_TOKENS:
            points = ((0.5, median), (_P95, p95)) if p95 > median else ((0.5, median),)
            return PromptLengths(wanted, points)
    raise ValueError(
        f"{text!r} are no lengths of prompts; give {', '.join(SHIPPED)}, tokens as 500, or their "
        "median and p95 as 500:2000"
    )


def plain(characters: int, source: random.Random) -> str:
    """Plain words without a meaning, at least so many characters of them."""
    # A word and its space are five characters and more.
    return " ".join(source.choices(_WORDS, k=characters // 4))


def _normal(share: float) -> float:
    return NormalDist().inv_cdf(share)
