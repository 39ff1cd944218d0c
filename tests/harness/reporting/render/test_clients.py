"""The table of clients."""

from __future__ import annotations

from harness.reporting.render.clients import client_rows

TARGETS = {"baseline": {"name": "v1"}, "candidate": {"name": "v2"}}


def answer(python=(None, 5), node=(None, 5), worse=()):
    """Return an answer with the result of each client: error, characters."""
    return {
        "clients": {
            name: {"error": error, "characters": characters, "finish": "stop"}
            for name, (error, characters) in (("python", python), ("node", node))
        },
        "violations": [
            {"kind": kind, "where": f"{name} client"} for kind, name in worse
        ],
    }


def report(*baseline, candidate=()):
    """Return a report with a scenario for each answer of the baseline."""
    scenarios = [
        {
            "baseline": {"answers": [one]},
            "candidate": {"answers": list(candidate)},
        }
        for one in baseline
    ]
    return {"targets": TARGETS, "scenarios": scenarios}


def test_results_are_counted_by_target_and_client():
    """Success, error, worse and differ."""
    headers, rows = client_rows(
        report(
            answer(),
            answer(python=("APIError", 2), worse=[("client_worse", "python")]),
            answer(python=("APIError", 2), node=("Error", 2)),
            candidate=[answer()],
        )
    )
    assert ["target", "client", "success", "error", "worse", "differ"] == headers
    assert [
        ["v1", "python", "1", "2", "1", "1"],
        ["v1", "node", "2", "1", "0", "1"],
        ["v2", "python", "3", "0", "0", "0"],
        ["v2", "node", "3", "0", "0", "0"],
    ] == rows


def test_texts_of_different_length_differ():
    """Even if both clients succeed."""
    _, rows = client_rows(report(answer(node=(None, 4))))
    assert ["1", "1"] == [row[-1] for row in rows]


def test_only_the_first_answer_counts():
    """Others are listed only if the answers do not repeat."""
    _, rows = client_rows(report(answer(), candidate=[answer(), answer()]))
    assert ["v2", "python", "1", "0", "0", "0"] == rows[2]


def test_other_violations_are_not_worse_for_a_client():
    """Nor are answers without clients counted at all."""
    found = report(answer(worse=[("held", "python")]), {"clients": {}})
    found["scenarios"][1]["baseline"]["answers"][0]["violations"] = []
    _, rows = client_rows(found)
    assert [
        ["v1", "python", "1", "0", "0", "0"],
        ["v1", "node", "1", "0", "0", "0"],
    ] == (rows)


def test_without_answers_there_are_no_rows():
    """The table is left out then."""
    assert [] == client_rows(report())[1]
