"""Pictures of the dashboards, drawn from their JSON with Grafana's own components in headless Chromium.

A development tool: it asks the queries of every panel, draws what comes back in the dashboard's grid, and
judges the result: it ends with 1 if a panel has no data, its query fails, or a text in it is cut or covered.
"""
