"""The checks of pint (Cloudflare's linter of Prometheus rules) that need no Prometheus, as checks of ours.

Each has pint's own name. What a rule is exempt from, and why, is in ``findings.IGNORED``. The catalogue of
series takes the place of the Prometheus that pint would ask (promql/series, labels of vectors), so that the
checks know more of labels than pint does offline. alerts/annotation, promql/aggregate, rule/label, and the
form of an alert's name are in ``scripts/rule_lint.py`` with mixtool's; rule/link is in
``tests/unit/alerts/test_runbooks.py``.

Left out:

- promql/syntax, promql/features, yaml/parse, the form of durations: promtool reads the same files.
- alerts/count, query/cost, promql/range_query, promql/offset: a matter of somebody's data and retention; what
  the rules cost with 200 agents is measured by ``tests/bench/scale.py``.
- rule/dependency between groups: counters are recorded in groups of their own with their own intervals, on
  purpose, and all that is made of them is a minute late anyway. Within a group it is checked.
- promql/impossible of labels that are joined and then dropped: such a join is idle, not wrong.
- promql/rate's types by metadata: of scraped series the name tells, as OpenMetrics has it.
- rule/for, rule/owner, rule/reject, rule/report: rules of a team's own, of which we have none.
- ignore/file, pint/comment: they are about pint's comments.
"""
