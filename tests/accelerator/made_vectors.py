"""Vectors that real text does not give: for each rule and special case of docs/numerics.md some
that tell it from its neighbours."""

import numpy as np
from numpy import float32

GROUP = 32
LARGEST_HALF, SMALLEST_HALF = 65504.0, 2.0**-24
STEPS = 225  # of 15 codes and a multiplier of 15: the widest group's range in scales


def normal(rng, n):
    return rng.normal(0, 2.0 ** rng.integers(-6, 7), n)


def of_few_values(rng, n):
    """Most are small, a few are not: which multiplier is better is close."""
    x = rng.normal(0, 1, n)
    x[rng.integers(0, n, 3)] *= rng.uniform(2, 12, 3)
    return x


def one_sided(rng, n):
    """Groups without a value of one sign: zero points at the ends."""
    x = np.abs(rng.normal(0, 1, n)) * rng.choice([-1, 1], n // GROUP + 1).repeat(GROUP)[:n]
    x[rng.integers(0, n, 2)] *= rng.uniform(1, 20, 2)
    return x


def with_zero_groups(rng, n):
    x = rng.normal(0, 1, n)
    x[:GROUP] = rng.choice([0.0, -0.0], x[:GROUP].size)
    x[GROUP:] *= rng.integers(0, 2)
    return x


def single(rng, n):
    x = np.zeros(n)
    x[rng.integers(0, n)] = rng.choice([-1, 1]) * 2.0 ** rng.integers(-20, 20)
    return x


def around_the_largest_scale(rng, n):
    """Ranges that give 65504, or a little more or less."""
    x = rng.uniform(-0.5, 0.5, n) * STEPS * LARGEST_HALF
    return x / (x.max() - x.min()) * STEPS * LARGEST_HALF * rng.choice([0.999, 1, 1.0005, 1.001, 2])


def huge(rng, n):
    """Beyond binary16 scales; squares, and the difference of the ends, overflow."""
    return rng.uniform(-1, 1, n) * rng.choice([1e20, 3e38])


def of_all_sizes(rng, n):
    return rng.choice([-1, 1], n) * 2.0 ** rng.uniform(-140, 62, n)


def around_the_smallest_scale(rng, n):
    """Ranges that give the smallest scales, or 0: half of the smallest is a tie."""
    x = rng.uniform(-1, 1, n)
    x[:2] = 0.5, -0.5
    return x.clip(-0.5, 0.5) * STEPS * SMALLEST_HALF * rng.choice([0.4, 0.5, 0.501, 0.75, 1.5, 4])


def subnormal(rng, n):
    return rng.normal(0, 1, n) * 1e-41


def tiny_beside_huge(rng, n):
    """A group whose range is nothing in the vector's scale."""
    x = rng.normal(0, 1, n)
    x[:GROUP] *= rng.choice([1e-42, 1e-30, 1e-5])
    x[GROUP:] *= rng.choice([1e3, 1e30])
    return x


def between_two_scales(rng, n):
    """The widest range divided by 225 lies half way between two binary16 numbers, or so little off
    that a product with 1 / 225 gives the other one."""
    ranges = float32(STEPS) * float32(2 * np.arange(1024, 2048) + 1)
    less = np.nextafter(ranges, float32(0))
    tells = np.float16(less / float32(STEPS)) != np.float16(less * (float32(1) / float32(STEPS)))
    x = rng.uniform(-0.5, 0.5, n)
    x[:2] = 0.5, -0.5
    return x * rng.choice(ranges if rng.integers(2) else less[tells]) * 2.0 ** rng.integers(-20, 0)


def ties(rng, n):
    """Groups of 14 or 15 steps: the multiplier is at a limit; values lie half way between codes,
    and zero points too. Products with the inverse of a step are exact, or just not."""
    scales = float32(np.arange(1024, 2048))
    inexact = scales[float32(7) * scales * (float32(1) / scales) != 7]
    x = np.zeros(n)
    x[:2] = [-112, 113] if rng.integers(2) else [-100, 125]
    for first in range(GROUP, n, GROUP):
        low, width = rng.choice([0, -14, rng.integers(-15, 1)]), rng.integers(14, 16)
        codes = rng.integers(2 * low, 2 * (low + width) + 1, min(GROUP, n - first)) / 2
        codes[:2] = low, low + width
        x[first:first + GROUP] = codes * rng.choice([1, 2, 4, 8, rng.integers(1, 16)])
    return x * rng.choice([1, *rng.choice(scales, 2), *rng.choice(inexact, 2)]) * 2.0**-10


def of_equal_errors(rng, n):
    """Groups that multipliers 14 and 15 give with the same errors, at other places: the order of
    their sum decides. Multiplier 14 is looked at because rounding makes the range, of 15 steps
    then, a little more."""
    scales = float32(np.arange(1024, 2048))
    scales = scales[float32(15 * 14) * scales * (float32(1) / (float32(15) * scales)) > 14]
    x = np.zeros(n)
    x[0] = STEPS
    for first in range(GROUP, n, GROUP):
        n_pairs = min(GROUP, n - first) // 2 - 1
        code = rng.integers(0, 8, n_pairs)
        # One of a pair is `error` from a code of multiplier 15 and `code` more from one of 14; the
        # other one's errors are these two exchanged.
        error = np.trunc(rng.uniform(-7.4, 6.9 - code) * 32) / 32
        pairs = np.concatenate([15 * code + error, 15 * (14 - code) + error + code])
        x[first:first + 2 * n_pairs + 2] = rng.permutation([0, 15 * 14, *pairs])
    return x * rng.choice([-1, 1]) * rng.choice(scales) * 2.0 ** rng.integers(-20, 0)


def with_one(value):
    def make(rng, n):
        x = rng.normal(0, 1, n)
        x[rng.integers(0, n)] = value
        return x
    return make


FINITE = [normal, of_few_values, one_sided, with_zero_groups, single, around_the_largest_scale,
          huge, of_all_sizes, around_the_smallest_scale, subnormal, tiny_beside_huge,
          between_two_scales, ties, of_equal_errors]
SPECIAL = [with_one(np.inf), with_one(-np.inf), with_one(np.nan)]


def make(rng, n_vectors, size, kinds):
    """[n_vectors, size], each of a kind that chance chooses."""
    with np.errstate(over="ignore"):
        return np.stack([kinds[rng.integers(len(kinds))](rng, size)
                         for _ in range(n_vectors)]).astype(float32)
