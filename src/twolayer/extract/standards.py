"""What an extraction is held to before its network is called the one in the box."""

from dataclasses import dataclass, replace

__all__ = ["ExtractionStandards"]


@dataclass(frozen=True)
class ExtractionStandards:
    """The numbers that decide between the outcomes.

    A *rounding* is what the precision of the answers may change of the largest value compared.

    Attributes
    ----------
    near_scales : tuple of float
        Of the Gaussian inputs of the near checks, in units of the scale on which the units are seen.
    near_rows, far_rows : int
        Rows of a near check and of a far one.
    swept_near, swept_far : int
        The same for a network that a sweep has found: its line has met all hyperplanes, and what it missed shows in
        half of all rows.
    wide, near_share, far_share, fewest_near, fewest_far : int, float, float, int, int
        From so many inputs on, where a row is dear beside the d that a unit costs, so many rows a parameter, and no
        fewer than so many: a unit that is missing shows in half of all rows.
    most_numbers : int
        In the rows of one check: 64 MB.
    far_scales : tuple of float
        Of the far checks: ten powers of ten outwards, as far as a box is asked.
    equal : float
        Roundings that network and box may differ by. A sum over m units and d inputs, the box's own, is off by
        √(m d) roundings of its terms, and the terms are some times larger than the sum: 200 is 10 times what 400
        weights make of it.
    explained : float
        Roundings by which a near check may be off and still hide no unit; as many as the joint fit is content with.
    argument : float
        What the rounding of the arguments w·x + b counts for, which matters where a step is so steep that it outweighs
        that of the values. It is reckoned as if all products, and all units, were off the same way: a tenth of it, 40
        times, is four times the worst that can be.
    turned : float
        Far out, the hyperplanes of bounded units are known to so many square roots of the precision: their w is read
        where they change course, from differences that cancel half of the digits.
    finest : float
        Relative to the values' standard deviation, what no box is held to: the joint fit stops there.
    coarse : float
        Rounding of this part of the standard deviation at every near scale makes a box too coarse to be read: three
        digits say less than the approximations by other activations that are tried.
    coarsest : float
        The most that rounding may explain of anything, so that noise explains no network.
    shown : float
        By how much of itself a unit may differ, at its own hyperplane, from what the box does there.
    """

    near_scales: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0)
    near_rows: int = 4096
    swept_near: int = 1024
    swept_far: int = 256
    wide: int = 256
    near_share: float = 1 / 64
    far_share: float = 1 / 256
    fewest_near: int = 64
    fewest_far: int = 16
    most_numbers: int = 1 << 23
    far_scales: tuple[float, ...] = tuple(10.0**k for k in range(2, 11))
    far_rows: int = 1024
    equal: float = 200.0
    explained: float = 40.0
    argument: float = 0.1
    turned: float = 20.0
    finest: float = 1e-9
    coarse: float = 1e-3
    coarsest: float = 0.1
    shown: float = 0.2

    def after_sweep(self) -> "ExtractionStandards":
        """The standards for a network that a sweep has found."""
        return replace(self, near_rows=self.swept_near, far_rows=self.swept_far)

    def of(self, width: int, dim: int) -> "ExtractionStandards":
        """The standards for a network of so many units and inputs."""
        if dim < self.wide:
            return self
        parameters, most = width * dim, max(self.most_numbers // dim, 1)
        near = min(max(int(self.near_share * parameters), self.fewest_near), self.near_rows)
        far = min(max(int(self.far_share * parameters), self.fewest_far), self.far_rows)
        return replace(self, near_rows=max(min(near, most), 2), far_rows=max(min(far, most), 2))
