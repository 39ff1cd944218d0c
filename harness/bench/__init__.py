"""What the targets cost: the same load through each, in turn, as ratios.

Two ways, as everywhere. *Live*: a generator (a process of its own) stands behind every
target, and this process reads; time, CPU and memory are those of the target's
processes. *In memory*: the relays alone, no sockets: time, CPU and allocations of the
logic.

Every figure is a ratio of runs that stood side by side. Absolute times of a shared
machine prove little, so the rounds alternate, and a second copy of the baseline shows
what two equal targets differ by.
"""
