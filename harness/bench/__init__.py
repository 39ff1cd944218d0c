"""The bench: what the targets cost under the same load, as ratios.

There are two ways. *Live*: a generator (a separate process) is behind every target, and
this process reads; time, CPU and memory are those of the target's processes.
*In memory*: the relays alone, without sockets: time, CPU and allocations of the logic.

Every figure is a ratio of runs side by side. Absolute times of a shared machine prove
little, so the rounds alternate, and a second copy of the baseline shows how much two
equal targets differ.
"""
