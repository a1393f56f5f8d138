"""The cloud-side application: frame intake, queue, vision-LLM providers, budget, diagnosis, guarded actions.

Nothing of it is built yet. It will import `vision` and never `edge_agent`: between the two there is only a wire contract.
"""
