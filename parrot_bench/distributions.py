"""Tails and quantiles of the distributions the estimates need, in plain floating point.

Five functions do not justify scipy (35 MB) in a benchmark's run-time environment; scipy is
the oracle in the tests instead. Nothing here knows about rounds, modes or times.
"""

import math
from functools import lru_cache

_EPSILON = 1e-16
_TINY = 1e-300
_MAX_TERMS = 10_000
_Z95 = 1.959963984540054


def normal_two_sided(z: float) -> float:
    """Return P(|Z| >= |z|) for a standard normal Z."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    Args:
        x: Upper end of the integral, between 0 and 1.
        a: First shape, positive.
        b: Second shape, positive.

    Returns:
        I_x(a, b), by the continued fraction of DLMF 8.17.22, evaluated with the modified Lentz
        method (Press et al., Numerical Recipes, section 6.4).
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):  # the fraction converges fast only below its mean
        return 1.0 - beta_cdf(1.0 - x, b, a)
    log_front = (
        a * math.log(x)
        + b * math.log1p(-x)
        + math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        - math.log(a)
    )
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        step = 1.0
        for coefficient in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + coefficient * d)
            c = _away_from_zero(1.0 + coefficient / c)
            step = c * d
            fraction *= step
        if abs(step - 1.0) < _EPSILON:
            break
    return min(1.0, math.exp(log_front) * fraction)


def chi_square_sf(x: float, df: float) -> float:
    """Return P(X >= x) for a chi-square X.

    Args:
        x: Where the tail begins.
        df: Degrees of freedom, positive.

    Returns:
        Q(df/2, x/2): the series of DLMF 8.7.1 below the mean, the continued fraction of DLMF
        8.9.2 above it (Press et al., Numerical Recipes, section 6.2).
    """
    a, half = df / 2.0, x / 2.0
    if half <= 0.0:
        return 1.0
    front = math.exp(a * math.log(half) - half - math.lgamma(a))
    if half < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, _MAX_TERMS):
            term *= half / (a + n)
            total += term
            if term < total * _EPSILON:
                break
        return max(0.0, 1.0 - front * total)
    b = half + 1.0 - a
    c = 1.0 / _TINY
    d = 1.0 / b
    fraction = d
    for n in range(1, _MAX_TERMS):
        coefficient = -n * (n - a)
        b += 2.0
        d = 1.0 / _away_from_zero(coefficient * d + b)
        c = _away_from_zero(b + coefficient / c)
        fraction *= c * d
        if abs(c * d - 1.0) < _EPSILON:
            break
    return min(1.0, front * fraction)


def student_two_sided(t: float, df: float) -> float:
    """Return P(|T| >= |t|) for Student's T with ``df`` degrees of freedom (DLMF 8.17.5)."""
    if math.isinf(t):
        return 0.0
    square = t * t
    if square < 1.0:  # the other tail, so that no digits are lost for a small t
        return 1.0 - beta_cdf(square / (df + square), 0.5, df / 2.0)
    return beta_cdf(df / (df + square), df / 2.0, 0.5)


@lru_cache(maxsize=1024)
def student_quantile(confidence: float, df: float) -> float:
    """Return the t with P(|T| <= t) = ``confidence``.

    Args:
        confidence: Central probability, above 0 and under 1.
        df: Degrees of freedom, positive.
    """
    alpha = 1.0 - confidence
    low, high = 0.0, 1.0
    while student_two_sided(high, df) > alpha:
        low, high = high, high * 2.0
    # Bisection to the last bit: some 50 steps, once for each level, and nothing can go wrong.
    while low < (middle := (low + high) / 2.0) < high:
        if student_two_sided(middle, df) > alpha:
            low = middle
        else:
            high = middle
    return high


def binomial_cdf(k: int, n: int, p: float = 0.5) -> float:
    """Return P(X <= k) for X ~ Binomial(n, p) (DLMF 8.17.5)."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return beta_cdf(1.0 - p, n - k, k + 1.0)


@lru_cache(maxsize=4096)
def order_ranks(n: int, p: float, confidence: float) -> tuple[int, int] | None:
    """Return which order statistics bound the ``p``-quantile of any distribution.

    The number of values at or under the quantile is binomial, whatever the distribution, so
    [x_(low), x_(high)] covers it with at least ``confidence``; each tail is held to half of
    what is left (David and Nagaraja, Order Statistics, 3rd ed., section 7.1).

    Args:
        n: Number of values.
        p: Rank of the quantile, above 0 and under 1.
        confidence: Wanted coverage, above 0 and under 1.

    Returns:
        ``(low, high)``, counted from 1; None when even minimum to maximum does not reach the
        confidence.
    """
    tail = (1.0 - confidence) / 2.0
    low = _largest_with_tail(n, p, tail)
    from_top = _largest_with_tail(n, 1.0 - p, tail)
    if low < 1 or from_top < 1:
        return None
    return low, n + 1 - from_top


def _largest_with_tail(n: int, p: float, tail: float) -> int:
    """Return the largest j with P(Binomial(n, p) <= j - 1) <= tail, or 0."""
    below, above = 0, n + 1
    while above - below > 1:
        middle = (below + above) // 2
        if binomial_cdf(middle - 1, n, p) <= tail:
            below = middle
        else:
            above = middle
    return below


def _away_from_zero(value: float) -> float:
    """Return ``value``, or a tiny number in place of zero, as Lentz's method asks."""
    return value if abs(value) > _TINY else _TINY


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share.

    Wilson 1927, Journal of the American Statistical Association 22:209. It stays inside 0 and 1,
    and says something of 100 out of 100, too.

    Args:
        hits: How many there are.
        of: Out of how many, positive.

    Returns:
        Lower bound, exactly 0 where nothing was hit; upper bound, exactly 1 where everything was.
    """
    centre = (hits + _Z95**2 / 2) / (of + _Z95**2)
    arm = _Z95 * math.sqrt(hits * (of - hits) / of + _Z95**2 / 4) / (of + _Z95**2)
    return (centre - arm if hits else 0.0), (centre + arm if hits < of else 1.0)
