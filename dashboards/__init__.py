"""The bundle's Grafana dashboards: one module per dashboard, over a thin layer of grafanalib.

``scripts/dashboards.py`` writes them to ``generated/``. Development only: the wheel has only the JSON.
"""
