"""A stand-in for the kagent controller: a test double for labs that cannot build the real one.

It reconciles Agents into the objects, hashes and conditions of kagent 0.10, and serves the REST and A2A
routes that agents and the plugin call. `render` (what to make of an Agent) knows nothing of the network;
`reconcile` applies it. Everything it cannot do, it refuses by name instead of ignoring it.
"""
