"""Evidence in, verdict out; pure.

Words: an *observation* is everything both ends saw of one run; an *expectation* is the
outcome that the oracle computed from cassette, faults and contract; a *violation* is
one way in which an observation breaks its expectation; a *verdict* judges a scenario
from the baseline's violations, the candidate's, and the differences between the two.
"""

from __future__ import annotations

__all__: list[str] = []
